package sip

import (
	"bytes"
	"strconv"
)

// numbers are the CSeq numbers of one direction of a dialog. A request of our own takes one that its sender's requests would
// have come to, and theirs must stay above it (RFC 3261 12.2.1.1, 12.2.2): from then on they go on with a shift, and what
// refers to them is shifted with them.
type numbers struct {
	last  uint32 // the highest that the sender has used, as far as we know
	skip  uint32 // how much further it may have got without our knowledge; our next request passes it over
	bound uint32 // the journal knows that the shift is no larger
	steps []step // where the shift has grown, the latest last
}

// step says that numbers above a bound are shifted.
type step struct{ above, shift uint32 }

const (
	// maxSteps bounds how far back a number can be mapped that was used before the shift grew. What refers back to one, an
	// ACK or a RAck, comes at once, or while an INVITE rings.
	maxSteps = 8
	// noteEvery is by how much the shift may grow before the journal is told.
	noteEvery = 256
	// maxCSeq is the highest number that there is (RFC 3261 8.1.1.5).
	maxCSeq = 1<<31 - 1
)

// saw follows the sender's requests.
func (n *numbers) saw(number uint32) { n.last = max(n.last, number) }

func (n *numbers) shift() uint32 {
	if len(n.steps) == 0 {
		return 0
	}
	return n.steps[len(n.steps)-1].shift
}

// onward is the number that the sender's request goes on with. It stays the same for as long as that request matters.
func (n *numbers) onward(number uint32) uint32 {
	for i := len(n.steps) - 1; i >= 0; i-- {
		if s := n.steps[i]; number > s.above {
			return min(number+s.shift, maxCSeq)
		}
	}
	return number
}

// back is the sender's own number of a request that went on with that one.
func (n *numbers) back(number uint32) uint32 {
	for i := len(n.steps) - 1; i >= 0; i-- {
		if s := n.steps[i]; number > s.above+s.shift {
			return number - s.shift
		}
	}
	return number
}

// own is the number of a request of ours. grown tells whether the journal has to be told.
func (n *numbers) own() (number uint32, grown bool) {
	shift := min(n.shift()+1+n.skip, maxCSeq-min(n.last, maxCSeq))
	n.skip = 0
	if k := len(n.steps) - 1; k >= 0 && n.steps[k].above == n.last {
		n.steps[k].shift = shift
	} else {
		if len(n.steps) == maxSteps {
			n.steps = append(n.steps[:0], n.steps[1:]...)
		}
		n.steps = append(n.steps, step{above: n.last, shift: shift})
	}
	if grown = shift > n.bound; grown {
		n.bound = (shift/noteEvery + 1) * noteEvery
	}
	return n.last + shift, grown
}

// resume begins with what the journal knows: the shift was no larger than the bound, and the sender has gone on.
func (n *numbers) resume() {
	n.skip = cseqSkip
	if n.bound > 0 {
		n.steps = []step{{above: n.last, shift: n.bound}}
	}
}

// forked is for a dialog of a fork that has had several early ones: last is the highest number of all of them, and none of
// this dialog needs to be it.
func (n *numbers) forked(least uint32) {
	n.skip = n.last - min(least, n.last)
	n.last -= n.skip
}

// renumber gives a request the CSeq number that it has to have on the other side, and what refers to one, the number that it
// has there: the RAck of a PRACK (RFC 3262 7.2), the id of a subscription that a REFER has made (RFC 3515 2.4.6).
func (d *dialog) renumber(m *message, from side, e *edits) {
	sent, back := &d.party(from).sent, &d.peer(from).sent
	if len(sent.steps)+len(back.steps) == 0 {
		return
	}
	if n := sent.onward(m.cseq); n != m.cseq {
		e.cseq = n
	}
	switch string(m.methodName) {
	case "PRACK":
		e.renumber(m, hdrRAck, rackNumber, sent.onward)
	case "SUBSCRIBE":
		e.renumber(m, hdrEvent, referNumber, sent.onward)
	case "NOTIFY":
		e.renumber(m, hdrEvent, referNumber, back.back)
	}
}

// renumber changes the number in the headers of that id. find gives the number as a part of the value.
func (e *edits) renumber(m *message, id headerID, find func(value []byte) []byte, other func(uint32) uint32) {
	for i := range m.headers {
		h := &m.headers[i]
		if h.id != id {
			continue
		}
		line := m.line(h)
		text := find(line[h.valueAt-h.nameAt:])
		n, ok := decimal(text)
		if !ok || n > maxCSeq || other(uint32(n)) == uint32(n) {
			continue
		}
		at := cap(line) - cap(text)
		e.drop |= setOf(id)
		e.add = strconv.AppendUint(append(e.add, line[:at]...), uint64(other(uint32(n))), 10)
		e.add = append(append(e.add, line[at+len(text):]...), "\r\n"...)
	}
}

// rackNumber finds the CSeq number in "776656 1 INVITE".
func rackNumber(value []byte) []byte {
	_, rest, _ := bytes.Cut(value, []byte(" "))
	rest = bytes.TrimLeft(rest, " \t")
	if end := bytes.IndexAny(rest, " \t"); end >= 0 {
		return rest[:end]
	}
	return nil
}

// referNumber finds the id in "refer;id=93809824".
func referNumber(value []byte) []byte {
	if name, _ := cutOutside(value, ';'); !equalFold(trim(name), "refer") {
		return nil
	}
	return param(value, "id")
}
