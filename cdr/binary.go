package cdr

import (
	"encoding/binary"
	"fmt"
	"math"
	"time"
)

// The versions of the binary forms that are written. A later version has its new fields behind all others, also those
// that belong to a part such as Party; whoever reads an older one leaves them zero. So every version from 1 on can be read for
// ever, and a newer one than these is an error.
const (
	stampVersion    = 1
	endpointVersion = 1
	recordVersion   = 1
)

// AppendBinary writes the stamp's binary form to dst. Of Time it has the wall time, without its zone.
func (s *Stamp) AppendBinary(dst []byte) []byte {
	from := len(dst)
	dst = append(openFrame(dst, stampVersion), s.ID[:]...)
	dst = packTime(dst, s.Time)
	dst = packString(dst, s.Name)
	dst = packAddr(dst, s.Address)
	dst = packString(dst, s.SessionID)
	return closeFrame(dst, from)
}

// DecodeStamp reads the binary form that src begins with, and gives what follows it. Time is a local time.
func DecodeStamp(src []byte) (s *Stamp, rest []byte, err error) {
	u, rest := unpack(src, stampVersion)
	s = &Stamp{}
	u.fixed(s.ID[:])
	s.Time = u.time()
	s.Name = u.string()
	s.Address = u.addr()
	s.SessionID = u.string()
	if err := u.done(); err != nil {
		return nil, nil, fmt.Errorf("decoding stamp: %w", err)
	}
	return s, rest, nil
}

// AppendBinary writes the endpoint's binary form to dst.
func (e *Endpoint) AppendBinary(dst []byte) []byte {
	from := len(dst)
	dst = packAddrPort(openFrame(dst, endpointVersion), e.Address)
	dst = packString(dst, e.ID)
	dst = packString(dst, e.Vendor)
	dst = packString(dst, e.User)
	dst = packAliases(dst, e.Aliases)
	return closeFrame(dst, from)
}

// DecodeEndpoint reads the binary form that src begins with, and gives what follows it.
func DecodeEndpoint(src []byte) (e *Endpoint, rest []byte, err error) {
	u, rest := unpack(src, endpointVersion)
	e = &Endpoint{}
	e.Address = u.addrPort()
	e.ID = u.string()
	e.Vendor = u.string()
	e.User = u.string()
	e.Aliases = u.aliases()
	if err := u.done(); err != nil {
		return nil, nil, fmt.Errorf("decoding endpoint: %w", err)
	}
	return e, rest, nil
}

// AppendBinary writes the record's binary form to dst. Of its times it has the wall time, without the zone, and how far they
// lie from each other by the monotonic clock.
func (r *Record) AppendBinary(dst []byte) []byte {
	from := len(dst)
	dst = binary.AppendUvarint(openFrame(dst, recordVersion), r.Number)
	dst = packString(dst, r.SessionID)
	dst = append(dst, r.CallID[:]...)
	dst = append(dst, r.ConfID[:]...)
	dst = packString(dst, r.SIPCallID)
	dst = packTimes(dst, r)
	dst = binary.AppendVarint(dst, int64(r.Cause))
	dst = binary.AppendVarint(dst, int64(r.CauseTranslated))
	dst = binary.AppendVarint(dst, int64(r.Released))
	dst = packParty(dst, &r.Caller)
	dst = packParty(dst, &r.Callee)
	for _, s := range [...]string{r.User, r.CallingStation, r.CalledStation, r.Dialed} {
		dst = packString(dst, s)
	}
	dst = packAliases(dst, r.Src)
	dst = packAliases(dst, r.Dest)
	dst = packBool(dst, r.EndEstimated)
	dst = binary.AppendVarint(dst, int64(r.Clock))
	dst = binary.AppendVarint(dst, int64(r.Attempts))
	dst = packBool(dst, r.LastCDR)
	dst = binary.AppendVarint(dst, int64(r.Bandwidth))
	return closeFrame(dst, from)
}

// DecodeRecord reads the binary form that src begins with, and gives what follows it. The record's times are local times that
// show what those of the encoded record did, and its durations are those of the encoded record, however the wall clock was
// set meanwhile. Of a call that goes on it must be resumed before later times are set.
func DecodeRecord(src []byte) (r *Record, rest []byte, err error) {
	u, rest := unpack(src, recordVersion)
	r = &Record{}
	r.Number = u.uint()
	r.SessionID = u.string()
	u.fixed(r.CallID[:])
	u.fixed(r.ConfID[:])
	r.SIPCallID = u.string()
	u.times(r)
	r.Cause = int(u.within(math.MinInt, math.MaxInt))
	r.CauseTranslated = int(u.within(math.MinInt, math.MaxInt))
	r.Released = ReleaseSource(u.within(math.MinInt8, math.MaxInt8))
	u.party(&r.Caller)
	u.party(&r.Callee)
	for _, s := range [...]*string{&r.User, &r.CallingStation, &r.CalledStation, &r.Dialed} {
		*s = u.string()
	}
	r.Src = u.aliases()
	r.Dest = u.aliases()
	r.EndEstimated = u.bool()
	r.Clock = Clock(u.within(int64(Monotonic), int64(WallClock)))
	r.Attempts = int(u.within(math.MinInt, math.MaxInt))
	r.LastCDR = u.bool()
	r.Bandwidth = int(u.within(math.MinInt, math.MaxInt))
	if err := u.done(); err != nil {
		return nil, nil, fmt.Errorf("decoding record: %w", err)
	}
	return r, rest, nil
}

func packParty(dst []byte, p *Party) []byte {
	dst = packAddrPort(dst, p.Address)
	dst = packString(dst, p.EndpointID)
	dst = packString(dst, p.Vendor)
	dst = packMedia(dst, &p.Audio)
	return packMedia(dst, &p.Video)
}

func (u *unpacker) party(p *Party) {
	p.Address = u.addrPort()
	p.EndpointID = u.string()
	p.Vendor = u.string()
	u.media(&p.Audio)
	u.media(&p.Video)
}

func packMedia(dst []byte, m *Media) []byte {
	dst = packString(dst, m.Codec)
	dst = packBool(dst, m.Secured)
	dst = binary.AppendVarint(dst, int64(m.Bitrate))
	return packAddrPort(dst, m.Address)
}

func (u *unpacker) media(m *Media) {
	m.Codec = u.string()
	m.Secured = u.bool()
	m.Bitrate = int(u.within(math.MinInt, math.MaxInt))
	m.Address = u.addrPort()
}

func packAliases(dst []byte, aliases []Alias) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(aliases)))
	for i := range aliases {
		dst = packString(dst, aliases[i].Value)
		dst = packString(dst, string(aliases[i].Type))
	}
	return dst
}

func (u *unpacker) aliases() []Alias {
	n := u.count(2)
	if n == 0 {
		return nil
	}
	aliases := make([]Alias, n)
	for i := range aliases {
		aliases[i] = Alias{Value: u.string(), Type: AliasType(u.string())}
	}
	return aliases
}

// packTimes writes which of the record's times there are, and which of them have a reading, as sets of bits; the wall time of
// the first and the distances of the others from it; and of those with a reading, by how much the distance by the
// monotonic clock is another.
func packTimes(dst []byte, r *Record) []byte {
	readings, tell := r.readings()
	at := len(dst)
	dst = append(dst, 0, 0)
	first, wall := milestones, int64(0)
	for i, t := range r.times() {
		if t.IsZero() {
			continue
		}
		ns := t.UnixNano()
		dst = binary.AppendVarint(dst, ns-wall)
		if first == milestones {
			first, wall = milestone(i), ns
		}
		dst[at] |= 1 << i
	}
	if !tell {
		return dst
	}
	first = milestones
	for i := range readings {
		if !readings[i].known {
			continue
		}
		first = min(first, milestone(i))
		dst = binary.AppendVarint(dst, int64(readings[i].step(&readings[first])))
		dst[at+1] |= 1 << i
	}
	return dst
}

func (u *unpacker) times(r *Record) {
	there, known := u.byte(), u.byte()
	if there>>milestones != 0 || known&^there != 0 {
		u.fail(fmt.Errorf("times %b with readings %b", there, known))
	}
	var wall [milestones]int64
	first := milestones
	for i, t := range r.times() {
		if there&(1<<i) == 0 {
			continue
		}
		wall[i] = u.int64()
		if first == milestones {
			first = milestone(i)
		} else {
			wall[i] += wall[first]
		}
		*t = time.Unix(0, wall[i])
	}
	if known == 0 || u.err != nil {
		return
	}
	m, first := &measured{}, milestones
	for i := range m {
		if known&(1<<i) != 0 {
			first = min(first, milestone(i))
			m[i] = reading{known: true, wall: wall[i], clock: time.Duration(u.int64() + wall[i] - wall[first])}
		}
	}
	r.measured = m
}
