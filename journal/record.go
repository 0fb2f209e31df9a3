package journal

import (
	"encoding/binary"
	"errors"
	"fmt"

	"tollgate/acctstack"
	"tollgate/cdr"
	"tollgate/packed"
)

// kind is the first byte of a record of the main log. The numbers are on disks; they never change their meaning.
type kind byte

const (
	kindBegin      kind = 1  // a call's chain begins: order, the caller's bytes
	kindExtend     kind = 2  // a further record of the chain: its number in it, the caller's bytes
	kindEnd        kind = 3  // the chain is over
	kindKeep       kind = 4  // an event and its copies
	kindFree       kind = 5  // not in use
	kindSettled    kind = 6  // the verdict on an event is told: its copies; notes of others are dropped
	kindDone       kind = 7  // an instance's copy and note are gone
	kindQuarantine kind = 8  // an instance's copy is set aside, with the reason
	kindRelease    kind = 9  // it is an ordinary one again
	kindNote       kind = 10 // an instance's note, with the text
	kindAlive      kind = 11 // the key is the boot's id: epoch, wall clock, boot clock
	kindEnds       kind = 12 // one more than the last
)

// eventCopy is what one instance is owed of an event.
type eventCopy struct {
	instance string
	reason   string // why it is in quarantine; "" if it is not
	aside    bool   // in quarantine
}

// head is what Kept tells of an event, so that it need not be read for that.
type head struct {
	order uint64 // of keeping
	call  cdr.UUID
	seq   uint32
	kind  acctstack.Kind
	time  int64 // nanoseconds since 1970
}

// record is a record of the main log, parsed. Which fields are set depends on the kind.
type record struct {
	kind     kind
	key      cdr.UUID
	head     head        // kindKeep; its order also kindBegin
	number   uint64      // kindExtend
	copies   []eventCopy // kindKeep, kindSettled
	instance string      // kindDone, kindQuarantine, kindRelease, kindNote
	payload  []byte      // what is opaque here; the reason or the text of a note
	alive    alive       // kindAlive
}

// alive is the content of a heartbeat.
type alive struct {
	epoch uint32
	wall  int64 // nanoseconds since 1970
	boot  int64 // nanoseconds of CLOCK_BOOTTIME
}

const keySize = len(cdr.UUID{})

var errRecord = errors.New("not a record of the journal")

// parse reads a record. What it gives shares the memory of b, but for the texts.
func parse(b []byte) (record, error) {
	if len(b) < 1+keySize {
		return record{}, fmt.Errorf("%w: %d bytes", errRecord, len(b))
	}
	rec := record{kind: kind(b[0]), key: cdr.UUID(b[1 : 1+keySize])}
	r := packed.NewReader(b[1+keySize:])
	rec.read(r)
	if r.Err() != nil {
		return record{}, fmt.Errorf("%w: kind %d: %w", errRecord, rec.kind, r.Err())
	}
	if rec.kind == 0 || rec.kind == kindFree || rec.kind >= kindEnds || rec.kind.closed() && len(r.Rest()) > 0 {
		return record{}, fmt.Errorf("%w: kind %d, %d bytes", errRecord, rec.kind, len(b))
	}
	if !rec.kind.closed() {
		rec.payload = r.Rest()
	}
	return rec, nil
}

// closed tells whether nothing opaque follows the fields.
func (k kind) closed() bool {
	switch k {
	case kindEnd, kindSettled, kindDone, kindRelease, kindAlive:
		return true
	}
	return false
}

func (rec *record) read(r *packed.Reader) {
	switch rec.kind {
	case kindBegin:
		rec.head.order = r.Uint()
	case kindExtend:
		rec.number = r.Uint()
	case kindKeep:
		rec.head.read(r)
		rec.copies = readCopies(r)
	case kindSettled:
		rec.copies = readCopies(r)
	case kindDone, kindQuarantine, kindRelease, kindNote:
		rec.instance = r.Text()
	case kindAlive:
		rec.alive = alive{epoch: uint32(r.Uint()), wall: r.Int(), boot: r.Int()}
	}
}

func (h *head) read(r *packed.Reader) {
	h.order = r.Uint()
	for i := range h.call {
		h.call[i] = r.Byte()
	}
	h.seq = uint32(r.Uint())
	h.kind = acctstack.Kind(r.Byte())
	h.time = r.Int()
}

// readCopies reads a list. Each entry takes a byte at least, so that a wrong length comes to an end with the bytes.
func readCopies(r *packed.Reader) []eventCopy {
	var copies []eventCopy
	for n := r.Uint(); n > 0 && r.Err() == nil; n-- {
		c := eventCopy{instance: r.Text(), aside: r.Bool()}
		if c.aside {
			c.reason = r.Text()
		}
		copies = append(copies, c)
	}
	return copies
}

func appendHead(dst []byte, k kind, key cdr.UUID) []byte {
	dst = append(dst, byte(k))
	return append(dst, key[:]...)
}

func appendBegin(dst []byte, call cdr.UUID, order uint64, payload []byte) []byte {
	dst = binary.AppendUvarint(appendHead(dst, kindBegin, call), order)
	return append(dst, payload...)
}

func appendExtend(dst []byte, call cdr.UUID, number int, payload []byte) []byte {
	dst = binary.AppendUvarint(appendHead(dst, kindExtend, call), uint64(number))
	return append(dst, payload...)
}

// appendKeep writes all of a keep or snapshot record but the event, which follows.
func appendKeep(dst []byte, k kind, id cdr.UUID, h *head, copies []eventCopy) []byte {
	dst = packed.AppendUint(appendHead(dst, k, id), h.order)
	dst = append(dst, h.call[:]...)
	dst = packed.AppendUint(dst, uint64(h.seq))
	dst = append(dst, byte(h.kind))
	dst = packed.AppendInt(dst, h.time)
	return appendCopies(dst, copies)
}

func appendSettled(dst []byte, id cdr.UUID, copies []eventCopy) []byte {
	return appendCopies(appendHead(dst, kindSettled, id), copies)
}

func appendCopies(dst []byte, copies []eventCopy) []byte {
	dst = packed.AppendUint(dst, uint64(len(copies)))
	for _, c := range copies {
		dst = packed.AppendText(dst, c.instance)
		dst = packed.AppendBool(dst, c.aside)
		if c.aside {
			dst = packed.AppendText(dst, c.reason)
		}
	}
	return dst
}

// appendOf writes a record about one instance: kindDone, kindRelease, and, with a text, kindQuarantine and kindNote.
func appendOf[T string | []byte](dst []byte, k kind, id cdr.UUID, instance string, text T) []byte {
	dst = packed.AppendText(appendHead(dst, k, id), instance)
	return append(dst, text...)
}

func appendAlive(dst []byte, boot cdr.UUID, a alive) []byte {
	dst = packed.AppendUint(appendHead(dst, kindAlive, boot), uint64(a.epoch))
	dst = packed.AppendInt(dst, a.wall)
	return packed.AppendInt(dst, a.boot)
}
