package wheel

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

type bell struct {
	timer Timer
	rung  []uint8
	then  func()
}

func (b *bell) Expire(what uint8) {
	b.rung = append(b.rung, what)
	if b.then != nil {
		b.then()
	}
}

// still is a clock that stands.
func still(at time.Time) func() time.Time { return func() time.Time { return at } }

func TestFiresNeverEarlyAndAtMostATickLate(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		start := time.Unix(1000, 0)
		now := start
		w := New(func() time.Time { return now })
		w.Advance(start.Add(time.Duration(rapid.IntRange(0, 50_000).Draw(t, "last advance")) * time.Millisecond))
		// The next Advance is late by any time: that must not make a timer early.
		now = start.Add(time.Duration(rapid.IntRange(50_000, 100_000).Draw(t, "now")) * time.Millisecond)
		d := time.Duration(rapid.IntRange(0, 200_000).Draw(t, "delay")) * time.Millisecond
		var b bell
		w.Set(&b.timer, d, &b, 7)
		w.Advance(now.Add(d - 1))
		if d > 0 && len(b.rung) != 0 {
			t.Fatalf("a timer of %s fired early", d)
		}
		w.Advance(now.Add(d + Tick))
		if !slices.Equal(b.rung, []uint8{7}) {
			t.Fatalf("a timer of %s rang %v", d, b.rung)
		}
		if b.timer.Pending() {
			t.Fatal("a timer that has fired is pending")
		}
	})
}

func TestStopAndMove(t *testing.T) {
	w := New(still(time.Unix(0, 0)))
	var a, b bell
	w.Set(&a.timer, time.Second, &a, 1)
	w.Set(&b.timer, time.Second, &b, 2)
	a.timer.Stop()
	a.timer.Stop()
	w.Set(&b.timer, 3*time.Second, &b, 3)
	w.Advance(time.Unix(2, 0))
	if len(a.rung)+len(b.rung) != 0 {
		t.Fatalf("rang %v %v", a.rung, b.rung)
	}
	w.Advance(time.Unix(4, 0))
	if len(a.rung) != 0 || !slices.Equal(b.rung, []uint8{3}) {
		t.Fatalf("rang %v %v", a.rung, b.rung)
	}
}

func TestOwnersMayStopTheirNeighboursAndSetThemselvesAgain(t *testing.T) {
	w := New(still(time.Unix(0, 0)))
	var a, b bell
	a.then = func() {
		b.timer.Stop()
		if len(a.rung) < 3 {
			w.Set(&a.timer, 0, &a, 9)
		}
	}
	w.Set(&a.timer, time.Second, &a, 1)
	w.Set(&b.timer, time.Second, &b, 2)
	w.Advance(time.Unix(10, 0))
	if !slices.Equal(a.rung, []uint8{1, 9, 9}) || len(b.rung) != 0 {
		t.Fatalf("rang %v %v", a.rung, b.rung)
	}
}

// TestTimeGoesBack: a clock that was set back, or a deadline that has passed, must neither hang the wheel nor be lost.
func TestTimeGoesBack(t *testing.T) {
	w := New(still(time.Unix(1000, 0)))
	var b bell
	w.Set(&b.timer, -time.Hour, &b, 4)
	w.Advance(time.Unix(900, 0))
	if len(b.rung) != 0 || !b.timer.Pending() {
		t.Fatalf("rang %v before the wheel moved", b.rung)
	}
	w.Advance(time.Unix(1000, 0).Add(Tick))
	w.Advance(time.Unix(1000, 0))
	if !slices.Equal(b.rung, []uint8{4}) {
		t.Fatalf("rang %v", b.rung)
	}
}

// TestManyTurns: timers that are turns of the wheel apart share a slot and fire in their own turn, in the order of time.
func TestManyTurns(t *testing.T) {
	w := New(still(time.Unix(0, 0)))
	var bells [5]bell
	var order []uint8
	for i := range bells {
		b := &bells[len(bells)-1-i]
		b.then = func() { order = append(order, b.rung...) }
		turns := time.Duration(len(bells) - 1 - i)
		w.Set(&b.timer, turns*slots*Tick+time.Second, b, uint8(turns))
	}
	w.Advance(time.Unix(0, 0).Add(2*slots*Tick + 2*time.Second))
	if !slices.Equal(order, []uint8{0, 1, 2}) {
		t.Fatalf("after two turns: %v", order)
	}
	w.Advance(time.Unix(0, 0).Add(5 * slots * Tick))
	if !slices.Equal(order, []uint8{0, 1, 2, 3, 4}) {
		t.Fatalf("after five turns: %v", order)
	}
}

func BenchmarkSetAndStop(b *testing.B) {
	w := New(still(time.Unix(0, 0)))
	var owner bell
	b.ReportAllocs()
	for b.Loop() {
		w.Set(&owner.timer, 32*time.Second, &owner, 0)
		owner.timer.Stop()
	}
}
