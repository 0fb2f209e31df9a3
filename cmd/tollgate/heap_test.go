package main

import "testing"

func TestHeapRoom(t *testing.T) {
	for _, c := range []struct {
		live uint64
		want int
	}{{0, mostPercent}, {1 << 20, mostPercent}, {48 << 20, 400}, {heapRoom, 100}, {4 << 30, 100}} {
		if got := percentFor(c.live); got != c.want {
			t.Errorf("%d bytes: %d %%, want %d", c.live, got, c.want)
		}
	}
}

func TestPacerLeavesGOGC(t *testing.T) {
	t.Setenv("GOGC", "50")
	p := newPacer()
	p.adjust()
	if p.percent != 0 {
		t.Errorf("set to %d %%", p.percent)
	}
}
