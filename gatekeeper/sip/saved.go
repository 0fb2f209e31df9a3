package sip

import (
	"encoding/binary"
	"fmt"
	"net/netip"

	"tollgate/cdr"
	"tollgate/packed"
)

// The front's part of a call's entries in the journal. Its first byte says what it is: the INVITE as it came, an attempt at
// a further target, or the dialog, which needs neither.
const (
	savedInvite byte = 'J'
	savedStep   byte = 'S'
	savedDialog byte = 'D'
)

// saveInvite writes what the INVITE's transactions can be made from again.
func (sess *session) saveInvite(m *message) []byte {
	dst := append(make([]byte, 0, 256+len(m.raw)), savedInvite)
	dst = packed.AppendAddrPort(dst, sess.invite.from)
	dst = packed.AppendAddrPort(dst, sess.listener.addr)
	dst = binary.BigEndian.AppendUint64(dst, sess.branch)
	steps := sess.invite.fork.steps
	dst = packed.AppendUint(dst, uint64(len(steps)))
	for _, step := range steps {
		dst = appendStep(dst, step)
	}
	dst = packed.AppendTexts(dst, textsOf(sess.invite.fork.routes))
	dst = packed.AppendUint(dst, uint64(sess.invite.fork.loop))
	return packed.AppendText(dst, m.raw)
}

func appendStep(dst []byte, step []target) []byte {
	dst = packed.AppendUint(dst, uint64(len(step)))
	for i := range step {
		dst = packed.AppendAddrPort(packed.AppendText(dst, step[i].uri), step[i].addr)
	}
	return dst
}

// saveStep writes what is needed to know the answers of the next targets. branch is the first one's.
func saveStep(branch uint64, step []target) []byte {
	return appendStep(binary.BigEndian.AppendUint64([]byte{savedStep}, branch), step)
}

// saveDialog writes the call once it is answered, all of its dialogs that are up. The reader of a line takes a later part that
// is missing for a call that has nothing of it: former versions of the program did not write it.
func (sess *session) saveDialog() []byte {
	dst := append(make([]byte, 0, 512), savedDialog)
	dst = packed.AppendAddrPort(dst, sess.listener.addr)
	dst = packed.AppendText(dst, sess.callID)
	dst = packed.AppendText(dst, sess.from)
	dst = packed.AppendText(dst, sess.to)
	dst = packed.AppendUint(dst, uint64(sess.cseq))
	dst = sess.caller.save(dst)
	dst = sess.callee.save(dst)
	dst = packed.AppendTexts(dst, sess.tags)
	dst = sess.answer.save(dst)
	dst = sess.dialog.saveRest(dst)
	up := uint64(0)
	for _, d := range sess.others {
		if !d.over {
			up++
		}
	}
	dst = packed.AppendUint(dst, up)
	for _, d := range sess.others {
		if !d.over {
			dst = d.save(dst)
		}
	}
	return dst
}

// saveRest writes what a dialog has beside its parties.
func (d *dialog) saveRest(dst []byte) []byte {
	dst = packed.AppendUint(dst, uint64(d.caller.sent.bound))
	dst = packed.AppendUint(dst, uint64(d.callee.sent.bound))
	return packed.AppendUint(dst, uint64(d.expires))
}

func (d *dialog) readRest(r *packed.Reader) {
	d.caller.sent.bound, d.callee.sent.bound = uint32(r.Uint()), uint32(r.Uint())
	d.expires = uint32(r.Uint())
}

// save writes a further dialog, and what the record says of its callee should it take the place of the first.
func (d *dialog) save(dst []byte) []byte {
	dst = packed.AppendText(dst, d.to)
	dst = d.caller.save(dst)
	dst = d.callee.save(dst)
	dst = d.answer.save(dst)
	dst = d.saveRest(dst)
	dst = packed.AppendText(dst, d.record.Vendor)
	return appendMedia(appendMedia(dst, &d.record.Audio), &d.record.Video)
}

func readFurther(r *packed.Reader, sess *session) *dialog {
	d := &dialog{session: sess, to: r.Text(), caller: loadParty(r), callee: loadParty(r), answer: readAnswer(r)}
	d.readRest(r)
	d.record = &cdr.Party{Address: d.callee.addr, Vendor: r.Text(), Audio: readMedia(r), Video: readMedia(r)}
	return d
}

func appendMedia(dst []byte, m *cdr.Media) []byte {
	dst = packed.AppendText(dst, m.Codec)
	dst = packed.AppendBool(dst, m.Secured)
	dst = packed.AppendUint(dst, uint64(m.Bitrate))
	return packed.AppendAddrPort(dst, m.Address)
}

func readMedia(r *packed.Reader) cdr.Media {
	return cdr.Media{Codec: r.Text(), Secured: r.Bool(), Bitrate: int(r.Uint()), Address: r.AddrPort()}
}

func (p *party) save(dst []byte) []byte {
	dst = packed.AppendAddrPort(dst, p.addr)
	dst = packed.AppendText(dst, p.tag)
	dst = packed.AppendText(dst, p.contact)
	dst = packed.AppendTexts(dst, p.routes)
	dst = packed.AppendUint(dst, uint64(len(p.reach)))
	for _, addr := range p.reach {
		dst = packed.AppendAddrPort(dst, addr)
	}
	return packed.AppendUint(dst, uint64(p.sent.last))
}

func loadParty(r *packed.Reader) party {
	p := party{addr: r.AddrPort(), tag: r.Text(), contact: r.Text(), routes: r.Texts()}
	for n := r.Uint(); n > 0 && r.Err() == nil; n-- {
		p.reach = append(p.reach, r.AddrPort())
	}
	p.sent.last = uint32(r.Uint())
	return p
}

// answer is where the 2xx of a call came from.
type answer struct {
	branch   uint64
	to       netip.AddrPort
	listener netip.AddrPort
}

func (a *answer) save(dst []byte) []byte {
	dst = binary.BigEndian.AppendUint64(dst, a.branch)
	return packed.AppendAddrPort(packed.AppendAddrPort(dst, a.to), a.listener)
}

func readAnswer(r *packed.Reader) answer {
	return answer{branch: readBranch(r), to: r.AddrPort(), listener: r.AddrPort()}
}

// savedCall is the front's part of a call of a former run.
type savedCall struct {
	from     netip.AddrPort
	listener netip.AddrPort
	branch   uint64
	steps    [][]target // from the first on
	routes   []string
	loop     uint32 // the mark that the branches carry
	invite   []byte
	attempts []attempt // at the steps behind the first, as far as they went
	dialog   *session  // nil: not answered
}

// attempt is a step that was tried. The branch is its first target's.
type attempt struct {
	branch uint64
	step   []target
}

// read puts the parts together. The last dialog counts.
func (c *savedCall) read(lines [][]byte) error {
	for i, line := range lines {
		if err := c.readLine(line); err != nil {
			return fmt.Errorf("sip: part %d of a saved call: %w", i+1, err)
		}
	}
	return nil
}

func (c *savedCall) readLine(line []byte) error {
	r := packed.NewReader(line)
	switch kind := r.Byte(); kind {
	case savedInvite:
		c.from, c.listener, c.branch = r.AddrPort(), r.AddrPort(), readBranch(r)
		for n := r.Uint(); n > 0 && r.Err() == nil; n-- {
			c.steps = append(c.steps, readStep(r))
		}
		c.routes, c.loop, c.invite = r.Texts(), uint32(r.Uint()), r.Bytes()
	case formerInvite:
		c.readFormerInvite(r)
	case formerAttempt:
		c.readFormerAttempt(r)
	case savedStep:
		c.attempts = append(c.attempts, attempt{branch: readBranch(r), step: readStep(r)})
	case savedDialog:
		c.listener = r.AddrPort()
		c.dialog = readDialog(r)
	default:
		return fmt.Errorf("%q is no known kind", kind)
	}
	return r.Err()
}

func readDialog(r *packed.Reader) *session {
	sess := &session{callID: r.Text(), from: r.Text(), answeredOnce: true, restored: true}
	d := &dialog{session: sess, to: r.Text()}
	sess.dialog, sess.cseq = d, uint32(r.Uint())
	d.caller, d.callee = loadParty(r), loadParty(r)
	sess.tags = r.Texts()
	d.answer = readAnswer(r)
	if r.Err() != nil || len(r.Rest()) == 0 {
		return sess
	}
	d.readRest(r)
	for n := r.Uint(); n > 0 && r.Err() == nil && len(sess.others) < maxCallees; n-- {
		sess.others = append(sess.others, readFurther(r, sess))
	}
	return sess
}

func readStep(r *packed.Reader) []target {
	var step []target
	for n := r.Uint(); n > 0 && r.Err() == nil; n-- {
		step = append(step, target{uri: r.Text(), addr: r.AddrPort()})
	}
	return step
}

func readBranch(r *packed.Reader) uint64 {
	var n uint64
	for range 8 {
		n = n<<8 | uint64(r.Byte())
	}
	return n
}
