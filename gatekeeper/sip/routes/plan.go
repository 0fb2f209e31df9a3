package routes

import (
	"math/bits"
	"net/netip"
)

// Plan is the order in which the targets are tried: the steps one after the other, the targets of a step at once. The order
// of weighted runs is drawn with random, which gives a number below n. Targets that are down are left out, unless all are:
// then they are tried as if none were, as that may help and refusing can't. The caller must not change the plan, which all
// calls share if there is nothing to draw and nobody is down. A nil down means that nobody is.
func (r *Route) Plan(random func(n uint32) uint32, down func(netip.AddrPort) bool) []Step {
	out := r.down(down)
	if out == 0 && len(r.runs) == 0 {
		return r.steps
	}
	plan := make([]Step, 0, len(r.steps))
	at, bit := 0, 0
	keep := func(end int) {
		for ; at < end; at++ {
			n := len(r.steps[at])
			if step := without(r.steps[at], out>>bit); len(step) > 0 {
				plan = append(plan, step)
			}
			bit += n
		}
	}
	for _, w := range r.runs {
		keep(w.first)
		from := len(plan)
		keep(w.end)
		draw(plan[from:], random)
	}
	keep(len(r.steps))
	return plan
}

// down is a bit for each target that is to be left out. A route has at most maxTargets, which is fewer than there are bits.
func (r *Route) down(down func(netip.AddrPort) bool) uint32 {
	if down == nil {
		return 0
	}
	var out uint32
	bit := 0
	for _, step := range r.steps {
		for i := range step {
			if down(step[i].Addr) {
				out |= 1 << bit
			}
			bit++
		}
	}
	if bits.OnesCount32(out) == bit {
		return 0
	}
	return out
}

// without is the step without the targets whose bits are set.
func without(step Step, out uint32) Step {
	if out&(1<<len(step)-1) == 0 {
		return step
	}
	var left Step
	for i := range step {
		if out>>i&1 == 0 {
			left = append(left, step[i])
		}
	}
	return left
}

// share is what a weight of 1 is worth in the draw. One of weight 0 has thus a very small chance beside it, as RFC 2782 wants,
// and the first one gets no more than its share for the 0 that can be drawn.
const share = 256

// draw orders steps of one target each as RFC 2782 orders the records of one priority: those of weight 0 stand in front, and
// the next one is the first whose running sum of weights reaches a number drawn from 0 to the sum of all that are left.
func draw(steps []Step, random func(n uint32) uint32) {
	var sum uint32
	zeros := 0
	for i := range steps {
		w := weight(steps[i])
		sum += w
		if w == 0 {
			steps[zeros], steps[i] = steps[i], steps[zeros]
			zeros++
		}
	}
	for ; len(steps) > 1; steps = steps[1:] {
		drawn := random(sum + 1)
		chosen, running := 0, weight(steps[0])
		for running < drawn {
			chosen++
			running += weight(steps[chosen])
		}
		first := steps[chosen]
		copy(steps[1:chosen+1], steps[:chosen]) // the others keep their order
		steps[0] = first
		sum -= weight(first)
	}
}

// weight is at most share times maxWeight, so that the sum of a route's weights has room in 32 bits.
func weight(step Step) uint32 { return uint32(step[0].Weight) * share }
