//go:build !race

package acctstack

import "testing"

// TestNoAllocations: an event that walks the stack leaves nothing to collect. The race detector makes pools forget on
// purpose, so this is measured without it.
func TestNoAllocations(t *testing.T) {
	s, ev := three(t), &Event{Kind: Stop}
	var walk Walk
	if n := testing.AllocsPerRun(1000, func() { decideThree(&walk, s.rules) }); n != 0 {
		t.Errorf("the decision makes %v allocations", n)
	}
	if n := testing.AllocsPerRun(1000, func() { s.begin(ev, ignore{}).walk() }); n != 0 {
		t.Errorf("a walk over three modules makes %v allocations", n)
	}
	kept := threeKeeping(t)
	if n := testing.AllocsPerRun(1000, func() { kept.begin(ev, ignore{}).walk() }); n != 0 {
		t.Errorf("the same on a stack that keeps makes %v allocations", n)
	}
	for _, s := range []*Stack{s, kept} {
		if err := s.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}
}
