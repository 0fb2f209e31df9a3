package test

import (
	"flag"
	"math/rand/v2"
	"testing"
	"time"
)

// The flags of TestCrash. With none of them given it takes about a minute and a half.
//
//	go test ./test -run TestCrash/random -v -timeout 60m -crash.kills=200     "make crash"
//	go test ./test -run TestCrash/points -v -timeout 120m -crash.hits=20      "make crash-points"
var (
	crashKills = flag.Int("crash.kills", 10, "how often TestCrash/random kills the gatekeeper")
	crashHits  = flag.Int("crash.hits", 1, "how often TestCrash/points lets it die at each point; with more than one each point is a run of its own")
	crashPoint = flag.String("crash.point", "", "the only `name` of a point that TestCrash/points takes")
	crashRate  = flag.Int("crash.rate", 300, "calls per second")
	crashLevel = flag.String("crash.level", "info", "the gatekeeper's log `level`")
	crashKeep  = flag.String("crash.keep", "", "a `directory` that is to keep the gatekeeper's folders of runs with a fault")
)

// TestCrash kills the gatekeeper again and again while calls go through it, RADIUS comes and goes and the database is locked.
// In the end every call that was answered has been recorded everywhere, once, and nothing is open (16-crash).
func TestCrash(t *testing.T) {
	t.Run("random", randomKills)
	t.Run("points", namedPoints)
}

// randomKills kills at moments that nobody has chosen.
func randomKills(t *testing.T) {
	r := newCrashRig(t)
	r.up("")
	r.startCalls()
	for i := range *crashKills {
		if r.live(between(500*time.Millisecond, 3*time.Second)) {
			t.Fatal("the gatekeeper has ended by itself") // its log follows
		}
		r.kill()
		r.up("")
		if (i+1)%10 == 0 {
			t.Logf("%d of %d kills", i+1, *crashKills)
		}
	}
	r.finish()
}

// between is a random time.
func between(least, most time.Duration) time.Duration { return least + rand.N(most-least) }
