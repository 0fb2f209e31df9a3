package journal

import (
	"errors"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"tollgate/acctstack"
	"tollgate/cdr"
	"tollgate/journal/seglog"
	"tollgate/packed"
)

// maxError bounds the text of an error in the ledger, in bytes.
const maxError = 200

// ledger is the log of what the modules answered. It has nothing in memory but when its segments were written, and what
// goes wrong with it is counted and disturbs nobody.
type ledger struct {
	log  *seglog.Log
	keep time.Duration
	lost atomic.Uint64
	cut  atomic.Uint64 // segments that were removed before their time, as the disk was full

	mu   sync.Mutex
	buf  []byte
	last map[uint64]int64 // when the newest answer of a segment was given, in nanoseconds since 1970
	at   uint64           // the segment that is written to
	from int64            // when its oldest answer was given
}

// Answer is what a module said to one event.
type Answer struct {
	Time     time.Time
	Event    cdr.UUID
	Call     cdr.UUID // zero for events of no call
	Kind     acctstack.Kind
	Instance string
	Result   acctstack.Result
	Error    string // at most 200 bytes; "" for OK
}

// openLedger opens the ledger; it gives nil, and says so, if that cannot be done: no call shall fail for that.
func openLedger(o Options) *ledger {
	l := &ledger{keep: o.Settings.LedgerKeep, last: map[uint64]int64{}}
	log, _, err := seglog.Open(seglog.Options{
		Dir: filepath.Join(o.Dir, "ledger"), Kind: ledgerKind, SegmentSize: o.Settings.SegmentSize, Gather: 100 * time.Millisecond,
		FS: o.FS, Log: o.Log,
	}, func(at seglog.Position, b []byte) error {
		if len(b) >= answerHead {
			l.seen(at.Segment, answerTime(b))
		}
		return nil
	})
	if err != nil {
		o.Log.Error("journal: there is no ledger", zap.Error(err))
		return nil
	}
	l.log = log
	return l
}

// seen notes when an answer in a segment was given.
func (l *ledger) seen(segment uint64, at int64) {
	if l.at != segment {
		l.at, l.from = segment, at
	}
	l.last[segment] = at
}

// Answered writes an answer to the ledger. It does not wait for the disk; what cannot be written is counted.
func (j *Journal) Answered(ev *acctstack.Event, instance string, result acctstack.Result, err error) {
	if j.ledger != nil {
		j.ledger.answered(ev, instance, result, err)
	}
}

func (l *ledger) answered(ev *acctstack.Event, instance string, result acctstack.Result, err error) {
	text := ""
	if err != nil {
		text = err.Error()
		text = text[:min(len(text), maxError)]
	}
	now := time.Now().UnixNano()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.buf = appendAnswer(l.buf[:0], now, ev, result)
	l.buf = packed.AppendText(l.buf, instance)
	l.buf = append(l.buf, text...)
	at, err := l.log.Append(l.buf, nil)
	if err != nil {
		l.lost.Add(1)
		return
	}
	l.seen(at.Segment, now)
}

// answerHead is the length of what comes before the texts: time, event, call, kind, result.
const answerHead = 8 + 16 + 16 + 2

func appendAnswer(dst []byte, now int64, ev *acctstack.Event, result acctstack.Result) []byte {
	for shift := 56; shift >= 0; shift -= 8 {
		dst = append(dst, byte(now>>shift))
	}
	dst = append(dst, ev.ID[:]...)
	dst = append(dst, ev.Call[:]...)
	return append(dst, byte(ev.Kind), byte(result))
}

func answerTime(b []byte) int64 {
	t := int64(0)
	for _, c := range b[:8] {
		t = t<<8 | int64(c)
	}
	return t
}

// parseAnswer reads an entry of the ledger, of which about says whether anybody wants it.
func parseAnswer(b []byte, id cdr.UUID) (a Answer, about bool) {
	if len(b) < answerHead {
		return a, false
	}
	a.Event, a.Call = cdr.UUID(b[8:24]), cdr.UUID(b[24:40])
	if id != a.Event && id != a.Call {
		return a, false
	}
	a.Time = time.Unix(0, answerTime(b))
	a.Kind, a.Result = acctstack.Kind(b[40]), acctstack.Result(b[41])
	r := packed.NewReader(b[answerHead:])
	a.Instance = r.Text()
	a.Error = string(r.Rest())
	return a, r.Err() == nil && a.Result <= acctstack.Next
}

// ErrNoLedger is the answer to Answers where LedgerKeep is 0 or the ledger could not be opened.
var ErrNoLedger = errors.New("journal: no ledger is kept")

// Answers tells what the modules said to an event, or to all events of a call, oldest first. It reads all of the ledger,
// which may take some time.
func (j *Journal) Answers(id cdr.UUID) ([]Answer, error) {
	if j.ledger == nil {
		return nil, ErrNoLedger
	}
	if err := j.ledger.log.Flush(); err != nil {
		return nil, err
	}
	return scanAnswers(j.o.FS, j.o.Dir, id)
}

func scanAnswers(fs seglog.FS, dir string, id cdr.UUID) ([]Answer, error) {
	var answers []Answer
	_, err := seglog.Scan(fs, filepath.Join(dir, "ledger"), func(_ seglog.Position, b []byte) error {
		if a, about := parseAnswer(b, id); about {
			answers = append(answers, a)
		}
		return nil
	})
	return answers, err
}

// expire removes the segments of which the newest answer is too old. So that old answers do not stay for long in the
// company of new ones, a segment is closed after a quarter of that time.
func (l *ledger) expire(now time.Time) error {
	l.mu.Lock()
	roll := l.at != 0 && now.Sub(time.Unix(0, l.from)) > l.keep/4
	l.mu.Unlock()
	if roll {
		if err := l.log.Roll(); err != nil {
			return err
		}
	}
	for _, s := range l.log.Segments() {
		l.mu.Lock()
		last, known := l.last[s.Number]
		l.mu.Unlock()
		if s.Active || known && now.Sub(time.Unix(0, last)) <= l.keep || !known && now.Sub(s.Created) <= l.keep {
			return nil
		}
		if err := l.remove(s.Number); err != nil {
			return err
		}
	}
	return nil
}

// yield removes the oldest segment, whatever its age: calls need the room more. It tells whether there was one.
func (l *ledger) yield() bool {
	segments := l.log.Segments()
	if len(segments) == 0 || segments[0].Active || l.remove(segments[0].Number) != nil {
		return false
	}
	l.cut.Add(1)
	return true
}

func (l *ledger) remove(number uint64) error {
	if err := l.log.RemoveOldest(number); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.last, number)
	return nil
}

func (l *ledger) bytes(segmentSize int64) int64 {
	return int64(len(l.log.Segments())) * segmentSize
}

func (l *ledger) close() error { return l.log.Close() }
