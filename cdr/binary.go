package cdr

import (
	"encoding/binary"
	"fmt"
	"math"
	"time"

	"tollgate/packed"
)

// The versions of the binary forms that are written. A later version has its new fields behind all others, also those
// that belong to a part such as Party; whoever reads an older one leaves them zero. So every version from 1 on can be read for
// ever, and a newer one than these is an error.
const (
	stampVersion    = 1
	endpointVersion = 1
	recordVersion   = 2 // 2: SIPStatus, Legs
)

// AppendBinary writes the stamp's binary form to dst. Of Time it has the wall time, without its zone.
func (s *Stamp) AppendBinary(dst []byte) []byte {
	from := len(dst)
	dst = append(openFrame(dst, stampVersion), s.ID[:]...)
	dst = packed.AppendTime(dst, s.Time)
	dst = packed.AppendText(dst, s.Name)
	dst = packed.AppendAddr(dst, s.Address)
	dst = packed.AppendText(dst, s.SessionID)
	return closeFrame(dst, from)
}

// DecodeStamp reads the binary form that src begins with, and gives what follows it. Time is a local time.
func DecodeStamp(src []byte) (s *Stamp, rest []byte, err error) {
	u, rest := unpack(src, stampVersion)
	s = &Stamp{}
	u.Fixed(s.ID[:])
	s.Time = u.Time()
	s.Name = u.Text()
	s.Address = u.Addr()
	s.SessionID = u.Text()
	if err := u.Done(); err != nil {
		return nil, nil, fmt.Errorf("decoding stamp: %w", err)
	}
	return s, rest, nil
}

// AppendBinary writes the endpoint's binary form to dst.
func (e *Endpoint) AppendBinary(dst []byte) []byte {
	from := len(dst)
	dst = packed.AppendAddrPort(openFrame(dst, endpointVersion), e.Address)
	dst = packed.AppendText(dst, e.ID)
	dst = packed.AppendText(dst, e.Vendor)
	dst = packed.AppendText(dst, e.User)
	dst = packAliases(dst, e.Aliases)
	return closeFrame(dst, from)
}

// DecodeEndpoint reads the binary form that src begins with, and gives what follows it.
func DecodeEndpoint(src []byte) (e *Endpoint, rest []byte, err error) {
	u, rest := unpack(src, endpointVersion)
	e = &Endpoint{}
	e.Address = u.AddrPort()
	e.ID = u.Text()
	e.Vendor = u.Text()
	e.User = u.Text()
	e.Aliases = u.aliases()
	if err := u.Done(); err != nil {
		return nil, nil, fmt.Errorf("decoding endpoint: %w", err)
	}
	return e, rest, nil
}

// AppendBinary writes the record's binary form to dst. Of its times it has the wall time, without the zone, and how far they
// lie from each other by the monotonic clock.
func (r *Record) AppendBinary(dst []byte) []byte {
	from := len(dst)
	dst = binary.AppendUvarint(openFrame(dst, recordVersion), r.Number)
	dst = packed.AppendText(dst, r.SessionID)
	dst = append(dst, r.CallID[:]...)
	dst = append(dst, r.ConfID[:]...)
	dst = packed.AppendText(dst, r.SIPCallID)
	dst = packTimes(dst, r)
	dst = binary.AppendVarint(dst, int64(r.Cause))
	dst = binary.AppendVarint(dst, int64(r.CauseTranslated))
	dst = binary.AppendVarint(dst, int64(r.Released))
	dst = packParty(dst, &r.Caller)
	dst = packParty(dst, &r.Callee)
	for _, s := range [...]string{r.User, r.CallingStation, r.CalledStation, r.Dialed} {
		dst = packed.AppendText(dst, s)
	}
	dst = packAliases(dst, r.Src)
	dst = packAliases(dst, r.Dest)
	dst = packed.AppendBool(dst, r.EndEstimated)
	dst = binary.AppendVarint(dst, int64(r.Clock))
	dst = binary.AppendVarint(dst, int64(r.Attempts))
	dst = packed.AppendBool(dst, r.LastCDR)
	dst = binary.AppendVarint(dst, int64(r.Bandwidth))
	dst = binary.AppendVarint(dst, int64(r.SIPStatus))
	dst = packLegs(dst, r.Legs)
	return closeFrame(dst, from)
}

// DecodeRecord reads the binary form that src begins with, and gives what follows it. The record's times are local times that
// show what those of the encoded record did, and its durations are those of the encoded record, however the wall clock was
// set meanwhile. Of a call that goes on it must be resumed before later times are set.
func DecodeRecord(src []byte) (r *Record, rest []byte, err error) {
	u, rest := unpack(src, recordVersion)
	r = &Record{}
	r.Number = u.Uint()
	r.SessionID = u.Text()
	u.Fixed(r.CallID[:])
	u.Fixed(r.ConfID[:])
	r.SIPCallID = u.Text()
	u.times(r)
	r.Cause = int(u.Within(math.MinInt, math.MaxInt))
	r.CauseTranslated = int(u.Within(math.MinInt, math.MaxInt))
	r.Released = ReleaseSource(u.Within(math.MinInt8, math.MaxInt8))
	u.party(&r.Caller)
	u.party(&r.Callee)
	for _, s := range [...]*string{&r.User, &r.CallingStation, &r.CalledStation, &r.Dialed} {
		*s = u.Text()
	}
	r.Src = u.aliases()
	r.Dest = u.aliases()
	r.EndEstimated = u.Bool()
	r.Clock = Clock(u.Within(int64(Monotonic), int64(WallClock)))
	r.Attempts = int(u.Within(math.MinInt, math.MaxInt))
	r.LastCDR = u.Bool()
	r.Bandwidth = int(u.Within(math.MinInt, math.MaxInt))
	if u.version >= 2 {
		r.SIPStatus = int(u.Within(0, math.MaxInt16))
		r.Legs = u.legs()
	}
	if err := u.Done(); err != nil {
		return nil, nil, fmt.Errorf("decoding record: %w", err)
	}
	return r, rest, nil
}

func packParty(dst []byte, p *Party) []byte {
	dst = packed.AppendAddrPort(dst, p.Address)
	dst = packed.AppendText(dst, p.EndpointID)
	dst = packed.AppendText(dst, p.Vendor)
	dst = packMedia(dst, &p.Audio)
	return packMedia(dst, &p.Video)
}

func (u *unpacker) party(p *Party) {
	p.Address = u.AddrPort()
	p.EndpointID = u.Text()
	p.Vendor = u.Text()
	u.media(&p.Audio)
	u.media(&p.Video)
}

func packMedia(dst []byte, m *Media) []byte {
	dst = packed.AppendText(dst, m.Codec)
	dst = packed.AppendBool(dst, m.Secured)
	dst = binary.AppendVarint(dst, int64(m.Bitrate))
	return packed.AppendAddrPort(dst, m.Address)
}

func (u *unpacker) media(m *Media) {
	m.Codec = u.Text()
	m.Secured = u.Bool()
	m.Bitrate = int(u.Within(math.MinInt, math.MaxInt))
	m.Address = u.AddrPort()
}

func packAliases(dst []byte, aliases []Alias) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(aliases)))
	for i := range aliases {
		dst = packed.AppendText(dst, aliases[i].Value)
		dst = packed.AppendText(dst, string(aliases[i].Type))
	}
	return dst
}

func (u *unpacker) aliases() []Alias {
	n := u.Count(2)
	if n == 0 {
		return nil
	}
	aliases := make([]Alias, n)
	for i := range aliases {
		aliases[i] = Alias{Value: u.Text(), Type: AliasType(u.Text())}
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
	there, known := u.Byte(), u.Byte()
	if there>>milestones != 0 || known&^there != 0 {
		u.Fail(fmt.Errorf("times %b with readings %b", there, known))
	}
	var wall [milestones]int64
	first := milestones
	for i, t := range r.times() {
		if there&(1<<i) == 0 {
			continue
		}
		wall[i] = u.Int()
		if first == milestones {
			first = milestone(i)
		} else {
			wall[i] += wall[first]
		}
		*t = time.Unix(0, wall[i])
	}
	if known == 0 || u.Err() != nil {
		return
	}
	m, first := &measured{}, milestones
	for i := range m {
		if known&(1<<i) != 0 {
			first = min(first, milestone(i))
			m[i] = reading{known: true, wall: wall[i], clock: time.Duration(u.Int() + wall[i] - wall[first])}
		}
	}
	r.measured = m
}
