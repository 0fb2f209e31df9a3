package sip

import (
	"encoding/binary"
	"fmt"
	"net/netip"

	"tollgate/packed"
)

// The front's part of a call's entries in the journal. Its first byte says what it is: the INVITE as it came, an attempt at
// a further target, or the dialog, which needs neither.
const (
	savedInvite byte = 'J' // an 'I' had one target a step
	savedStep   byte = 'S' // an 'A' likewise
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

// saveDialog writes the call once it is answered. branch is the one that the 2xx came on; nil at a later change, which does
// not touch what it says.
func (sess *session) saveDialog(branch *clientTx) []byte {
	if branch != nil {
		sess.answer = answer{branch: branch.id, to: branch.to, listener: branch.listener.addr}
	}
	dst := append(make([]byte, 0, 512), savedDialog)
	dst = packed.AppendAddrPort(dst, sess.listener.addr)
	dst = packed.AppendText(dst, sess.callID)
	dst = packed.AppendText(dst, sess.from)
	dst = packed.AppendText(dst, sess.to)
	dst = packed.AppendUint(dst, uint64(sess.cseq))
	dst = sess.caller.save(dst)
	dst = sess.callee.save(dst)
	dst = packed.AppendTexts(dst, sess.tags)
	dst = binary.BigEndian.AppendUint64(dst, sess.answer.branch)
	dst = packed.AppendAddrPort(dst, sess.answer.to)
	return packed.AppendAddrPort(dst, sess.answer.listener)
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
	return packed.AppendUint(dst, uint64(p.cseq))
}

func loadParty(r *packed.Reader) party {
	p := party{addr: r.AddrPort(), tag: r.Text(), contact: r.Text(), routes: r.Texts()}
	for n := r.Uint(); n > 0 && r.Err() == nil; n-- {
		p.reach = append(p.reach, r.AddrPort())
	}
	p.cseq = uint32(r.Uint())
	return p
}

// answer is where the 2xx of a call came from.
type answer struct {
	branch   uint64
	to       netip.AddrPort
	listener netip.AddrPort
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
	sess := &session{callID: r.Text(), from: r.Text(), to: r.Text(), cseq: uint32(r.Uint()), answeredOnce: true}
	sess.caller, sess.callee = loadParty(r), loadParty(r)
	sess.tags = r.Texts()
	sess.answer = answer{branch: readBranch(r), to: r.AddrPort(), listener: r.AddrPort()}
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
