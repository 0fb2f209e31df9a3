package limits

import (
	"math/rand/v2"
	"testing"
	"time"
)

// TestTable: of many parties that come and go in any order, the idle ones stand as a heap, those that are full are gone, and
// past the bound the one is gone that would have been full first.
func TestTable(t *testing.T) {
	const parties, most = 300, 30
	random := rand.New(rand.NewPCG(1, 2))
	table := newTable()
	table.most = most
	table.configure(Limit{Rate: Rate{10, time.Second}}.policy(), 0)
	var up []*entry
	for now := int64(0); now < 3e9; now += random.Int64N(2e6) {
		if random.IntN(2) == 0 || len(up) == 0 {
			table.forget(now, sweep)
			e := table.enter(1 + random.Uint64N(parties))
			e.tat = table.take(e.tat, now)
			up = append(up, e)
		} else {
			i := random.IntN(len(up))
			e := up[i]
			up[i] = up[len(up)-1]
			up = up[:len(up)-1]
			soonest := e.tat
			if len(table.idle) == most {
				soonest = min(soonest, table.idle[0].tat)
			}
			full := len(table.idle) == most && e.calls == 1 && e.tat > now
			table.leave(e, now)
			if full && (len(table.idle) != most || table.idle[0].tat < soonest) {
				t.Fatalf("the one that goes is not the first")
			}
		}
		checkTable(t, table, now)
	}
}

func checkTable(t *testing.T, table *table, now int64) {
	t.Helper()
	idle := 0
	for key, e := range table.known {
		if e.key != key || e.calls == 0 && table.idle[e.place] != e {
			t.Fatalf("%d is %+v", key, *e)
		}
		if e.calls == 0 {
			idle++
		}
	}
	if idle != len(table.idle) || idle > table.most {
		t.Fatalf("%d are idle, %d in the heap", idle, len(table.idle))
	}
	for i, e := range table.idle {
		if i > 0 && table.idle[(i-1)/2].tat > e.tat {
			t.Fatalf("idle[%d] comes before the one above it", i)
		}
	}
}

// TestNothingIdleWithoutRate: who has no call up is not remembered where only calls are counted.
func TestNothingIdleWithoutRate(t *testing.T) {
	g := guard(Settings{Source: Limit{Calls: 1}, User: Limit{Calls: 1}})
	mustEnter(t, g, "alice", time.Now()).Leave()
	if s := g.Stats(); s.Sources != 0 || s.Users != 0 {
		t.Errorf("%+v", s)
	}
}
