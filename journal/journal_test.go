package journal

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"tollgate/acctstack"
	"tollgate/bootclock"
	"tollgate/cdr"
)

// TestCalls: what was appended is there after a restart, in its order, and what has ended is not.
func TestCalls(t *testing.T) {
	dir := inDir(t)
	j := opened(t, dir, small())
	for n := range 5 {
		begun(t, j, id(n), "begin")
	}
	appended(t, j, id(1), "answer")
	appended(t, j, id(3), "answer")
	appended(t, j, id(3), "stop")
	j.End(id(2))
	closed(t, j)

	j = opened(t, dir, small())
	defer closed(t, j)
	want := map[cdr.UUID][]string{id(0): {"begin"}, id(1): {"begin", "answer"}, id(3): {"begin", "answer", "stop"}, id(4): {"begin"}}
	if got := chains(j); !reflect.DeepEqual(got, want) {
		t.Errorf("got %v\nwant %v", got, want)
	}
	var order []cdr.UUID
	for call := range j.Calls {
		order = append(order, call)
	}
	if !slices.Equal(order, []cdr.UUID{id(0), id(1), id(3), id(4)}) {
		t.Errorf("order %v", order)
	}
	appended(t, j, id(0), "goes on")
	if got := chains(j)[id(0)]; !slices.Equal(got, []string{"begin", "goes on"}) {
		t.Errorf("the chain that goes on: %q", got)
	}
	begun(t, j, id(9), "new")
	if got := chains(j); len(got) != 4 {
		t.Errorf("Calls gives a call of this run: %v", got)
	}
}

// TestSpool walks a kept event through all that can become of it, with a restart behind each step.
func TestSpool(t *testing.T) {
	dir, ev := inDir(t), testEvent(7)
	j := opened(t, dir, small())
	again := func() { closed(t, j); j = opened(t, dir, small()) }
	kept := func(step string, want ...string) {
		t.Helper()
		for range 2 {
			var got []string
			for _, k := range j.Kept() {
				got = append(got, strings.TrimSuffix(k.Instance+" "+k.Reason, " "))
				if k.ID != ev.ID || k.Call != ev.Call || k.Seq != ev.Seq || k.Kind != ev.Kind || !k.Time.Equal(ev.Time) {
					t.Errorf("%s: %+v is not of the event", step, k)
				}
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s: kept %q, want %q", step, got, want)
			}
			again()
		}
	}
	do := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	do(j.Settle(ev, nil))
	kept("nothing to keep")
	do(j.Settle(ev, []string{"RadAcct"}))
	kept("kept", "RadAcct")
	do(j.Settle(ev, []string{"SQLAcct", "RadAcct"}))
	kept("settled again", "RadAcct", "SQLAcct")
	do(j.Quarantine(ev, "RadAcct", "too long"))
	kept("set aside", "RadAcct too long", "SQLAcct")
	do(j.Quarantine(ev, "FileAcct", "bad"))
	kept("another set aside", "RadAcct too long", "SQLAcct", "FileAcct bad")
	got, err := j.Load(ev.ID)
	do(err)
	if string(acctstack.AppendEvent(nil, got)) != string(acctstack.AppendEvent(nil, ev)) {
		t.Errorf("loaded %+v", got)
	}
	j.Release(ev.ID, "RadAcct")
	kept("released", "RadAcct", "SQLAcct", "FileAcct bad")
	j.Done(ev.ID, "SQLAcct")
	j.Done(ev.ID, "SQLAcct")
	j.Done(ev.ID, "nobody")
	kept("done", "RadAcct", "FileAcct bad")
	j.Done(ev.ID, "FileAcct")
	j.Done(ev.ID, "RadAcct")
	kept("all done")
	if _, err := j.Load(ev.ID); !errors.Is(err, ErrNotKept) {
		t.Errorf("loading what is not kept: %v", err)
	}
	do(j.Quarantine(ev, "RadAcct", "")) // not kept before
	kept("set aside at once", "RadAcct no reason given")
	closed(t, j)
}

// TestNotes: a note stays until the event is settled elsewhere or done here, over restarts.
func TestNotes(t *testing.T) {
	dir, ev := inDir(t), testEvent(7)
	j := opened(t, dir, small())
	defer func() { closed(t, j) }()
	noted := func(step, file, sql string) {
		t.Helper()
		for range 2 {
			if got := string(j.Notes("FileAcct").Noted(ev.ID)); got != file {
				t.Errorf("%s: FileAcct noted %q, want %q", step, got, file)
			}
			if got := string(j.Notes("SQLAcct").Noted(ev.ID)); got != sql {
				t.Errorf("%s: SQLAcct noted %q, want %q", step, got, sql)
			}
			closed(t, j)
			j = opened(t, dir, small())
		}
	}
	note := func(instance, text string) {
		t.Helper()
		if err := j.Notes(instance).Note(ev.ID, []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	settle := func(keep ...string) {
		t.Helper()
		if err := j.Settle(ev, keep); err != nil {
			t.Fatal(err)
		}
	}
	noted("before", "", "")
	note("FileAcct", "at 10")
	note("SQLAcct", "x")
	note("FileAcct", "at 20")
	noted("twice", "at 20", "x")
	settle("FileAcct")
	noted("kept for one, the verdict is not told", "at 20", "x")
	settle()
	noted("the verdict is told", "at 20", "")
	note("FileAcct", "at 30")
	j.Done(ev.ID, "FileAcct")
	noted("done", "", "")
	note("SQLAcct", "y")
	if err := j.Quarantine(ev, "FileAcct", "bad"); err != nil {
		t.Fatal(err)
	}
	noted("another set aside", "", "y")
	settle()
	noted("settled", "", "")
	if n := len(j.Kept()); n != 1 {
		t.Errorf("%d kept", n)
	}
}

// TestEpoch: each run has a greater one, however fast they follow each other.
func TestEpoch(t *testing.T) {
	dir := inDir(t)
	last := uint32(time.Now().Unix()) - 1
	for range 5 {
		j := opened(t, dir, small())
		if e := j.Epoch(); e <= last {
			t.Errorf("epoch %d after %d", e, last)
		} else {
			last = e
		}
		closed(t, j)
	}
	if now := uint32(time.Now().Unix()); last > now+5 {
		t.Errorf("epoch %d, the clock is at %d", last, now)
	}
}

// TestLastAlive: the first run knows of none; the next one knows when the first was there.
func TestLastAlive(t *testing.T) {
	dir := inDir(t)
	j := opened(t, dir, small())
	if a := j.LastAlive(); a != (Alive{}) {
		t.Errorf("a run before the first: %+v", a)
	}
	closed(t, j)
	wall, boot := time.Now(), bootclock.Now()
	j = opened(t, dir, small())
	defer closed(t, j)
	a := j.LastAlive()
	if wall.Sub(a.Time).Abs() > time.Second || (boot-a.Boot).Abs() > time.Second || a.BootID != bootclock.ID() {
		t.Errorf("alive %+v, want about %v, %v, %s", a, wall, boot, bootclock.ID())
	}
}

// TestTwoOpeners: the second is told why not.
func TestTwoOpeners(t *testing.T) {
	dir := inDir(t)
	j := opened(t, dir, small())
	if _, err := Open(Options{Dir: dir, Settings: small()}); err == nil || !strings.Contains(err.Error(), "another process") {
		t.Errorf("a second opener: %v", err)
	}
	closed(t, j)
	closed(t, opened(t, dir, small()))
}

// TestLedger: who answered what is found by event and by call.
func TestLedger(t *testing.T) {
	dir := inDir(t)
	j := opened(t, dir, small())
	one, two := testEvent(1), testEvent(2)
	two.Call = one.Call
	for n := range 50 {
		j.Answered(testEvent(100+n), "RadAcct", acctstack.OK, nil)
	}
	j.Answered(one, "RadAcct:backup", acctstack.Fail, errors.New(strings.Repeat("x", 300)))
	j.Answered(two, "FileAcct", acctstack.OK, nil)
	check := func(answers []Answer, err error) {
		t.Helper()
		if err != nil || len(answers) != 2 {
			t.Fatalf("%d answers, %v", len(answers), err)
		}
		a, b := answers[0], answers[1]
		if a.Event != one.ID || a.Instance != "RadAcct:backup" || a.Result != acctstack.Fail || a.Error != strings.Repeat("x", 200) || a.Kind != acctstack.Stop {
			t.Errorf("first %+v", a)
		}
		if b.Event != two.ID || b.Instance != "FileAcct" || b.Result != acctstack.OK || b.Error != "" || time.Since(b.Time).Abs() > time.Minute {
			t.Errorf("second %+v", b)
		}
	}
	check(j.Answers(one.Call))
	if a, err := j.Answers(two.ID); err != nil || len(a) != 1 {
		t.Errorf("by event: %v, %v", a, err)
	}
	i, err := Inspect(dir)
	if err != nil {
		t.Fatal(err)
	}
	check(i.Answers(one.Call))
	closed(t, j)
	j = opened(t, dir, small())
	check(j.Answers(one.Call))
	closed(t, j)
}
