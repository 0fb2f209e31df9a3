package test

import (
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// namedPoints lets the gatekeeper die at every crash point that stands anywhere in the source.
func namedPoints(t *testing.T) {
	names := crashPoints(t)
	if *crashPoint != "" {
		names = []string{*crashPoint}
	}
	if *crashHits == 1 {
		dieAt(t, names, 1)
		return
	}
	for _, name := range names {
		t.Run(name, func(t *testing.T) { dieAt(t, []string{name}, *crashHits) })
	}
}

// crashCall is a call of crashpoint.Hit; the name must be written out, or the point would not be found here.
var crashCall = regexp.MustCompile(`crashpoint\.Hit\(("([^"]+)"\))?`)

// crashPoints are the names of all points, sorted.
func crashPoints(t *testing.T) []string {
	t.Helper()
	names := map[string]bool{}
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		content, err := os.ReadFile(path)
		for _, match := range crashCall.FindAllStringSubmatch(string(content), -1) {
			if match[2] == "" {
				t.Errorf("%s: a crash point whose name is not written out", path)
			}
			names[match[2]] = true
		}
		return err
	})
	if err != nil || len(names) == 0 {
		t.Fatalf("no crash points: %v", err)
	}
	return slices.Sorted(maps.Keys(names))
}

// How long a point has to be reached, if the gatekeeper is to die there the first time that it comes there, and otherwise. The first
// is longer than the weather needs for all that it has to offer.
const (
	reachTime = 15 * time.Second
	turnTime  = 4 * time.Second
)

// aim is a point that the gatekeeper is to die at some times more.
type aim struct {
	name string
	left int
	most int // it is to die at one of the first most times that it comes there; adapted to how often it does
	vain int // how often it did not even come there once
}

// aimPatience is how often that may be.
const aimPatience = 2

// dieAt lets the gatekeeper die at each point in turn while calls go through it, until it has died often enough at each.
func dieAt(t *testing.T, names []string, hits int) {
	r := newCrashRig(t)
	r.up("")
	r.startCalls()
	var aims, never []*aim
	for _, name := range names {
		aims = append(aims, &aim{name: name, left: hits, most: 20})
	}
	for len(aims) > 0 {
		a := aims[0]
		aims = aims[1:]
		switch died := r.dieOnce(a); {
		case died && a.left == 0:
		case a.vain == aimPatience:
			never = append(never, a)
		default:
			aims = append(aims, a)
		}
	}
	if !r.gk.running() {
		r.up("")
	}
	r.dieAtTheEnd(never, hits)
	r.finish()
}

// dieOnce replaces the gatekeeper by one that is to die at the point. If it does not come there, the next aim is lower.
func (r *crashRig) dieOnce(a *aim) bool {
	r.Helper()
	if r.gk.running() {
		r.kill()
	}
	n, limit := 1+rand.IntN(a.most), turnTime
	if a.most == 1 {
		limit = reachTime
	}
	began := time.Now()
	if r.up(fmt.Sprintf("%s:%d", a.name, n)) && !r.live(limit) {
		if a.most == 1 {
			a.vain++
		}
		a.most = max(a.most/4, 1)
		return false
	}
	r.hit(a)
	a.vain = 0
	r.Logf("%s: died there at time %d, after %v; %d to go", a.name, n, time.Since(began).Round(time.Millisecond), a.left)
	if time.Since(began) < turnTime/2 {
		a.most = min(2*a.most, 200)
	}
	return true
}

// hit counts a death, which must be one at the point.
func (r *crashRig) hit(a *aim) {
	r.Helper()
	r.died(r.gk.process.Ended())
	if !strings.Contains(r.gk.process.Output(), "crashpoint: dying at "+a.name) {
		r.Fatalf("the gatekeeper has died, but not at %s", a.name) // its log follows
	}
	a.left--
}

// dieAtTheEnd is for points that are not reached while the gatekeeper runs: it is asked to stop, without calls.
func (r *crashRig) dieAtTheEnd(aims []*aim, hits int) {
	r.Helper()
	if len(aims) == 0 {
		return
	}
	r.endCalls()
	for _, a := range aims {
		for a.left > 0 {
			r.kill()
			if r.up(a.name + ":1") {
				r.gk.signal(syscall.SIGTERM)
			}
			if r.gk.process.ExitCode() >= 0 {
				r.Errorf("crash point %s was reached %d times of %d", a.name, hits-a.left, hits)
				break
			}
			r.hit(a)
			r.Logf("%s: died there when it was to stop; %d to go", a.name, a.left)
		}
	}
	r.died(time.Now())
	r.up("")
}
