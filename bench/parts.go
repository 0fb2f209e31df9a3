package main

import "context"

// cpu runs Tollgate, Kamailio, and Tollgate with its calls in memory in turns at one rate.
func (b *bench) cpu(ctx context.Context, res *result, rate, rounds int) (err error) {
	b.logf("CPU time per accounted call at %d calls/s, %d s a run", rate, b.seconds)
	subjects := []subject{tollgate(), kamailio()}
	if res.NoMemory == "" {
		subjects = append(subjects, tollgateInMemory())
	}
	res.CPURuns, err = b.turns(ctx, subjects, rate, rounds)
	return err
}

// highest looks for the highest rate of each subject: it goes up through the rates until a subject fails one.
func (b *bench) highest(ctx context.Context, res *result, rates []int, rounds int) error {
	b.logf("highest rate with under 0.1 %% failed calls, %d s a run", b.seconds)
	alive := []subject{tollgate(), kamailio()}
	res.Highest = make(map[string]int)
	for _, rate := range rates {
		votes := make(map[string]*vote)
		for _, s := range alive {
			votes[s.name] = &vote{of: rounds}
		}
		for range rounds {
			for _, s := range alive {
				v := votes[s.name]
				if v.decided() {
					continue
				}
				r, err := b.measure(ctx, s, rate, true)
				if err != nil {
					return err
				}
				res.RateRuns = append(res.RateRuns, r)
				v.count(r.passed(b.seconds))
			}
		}
		var stood []subject
		for _, s := range alive {
			if votes[s.name].won() {
				res.Highest[s.name] = rate
				stood = append(stood, s)
			}
		}
		if alive = stood; len(alive) == 0 {
			return nil
		}
	}
	return nil
}

// vote decides by the majority of a number of runs, and as soon as there is one.
type vote struct{ of, yes, no int }

func (v *vote) count(passed bool) {
	if passed {
		v.yes++
	} else {
		v.no++
	}
}

func (v *vote) won() bool { return 2*v.yes > v.of }

func (v *vote) decided() bool { return v.won() || 2*v.no >= v.of }
