package routes

import (
	"math"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// downs are addresses that are down, given by the last number of 192.0.2.x:5060.
func downs(last ...string) func(netip.AddrPort) bool {
	return func(addr netip.AddrPort) bool {
		_, number, _ := strings.Cut(addr.Addr().String(), "192.0.2.")
		return slices.Contains(last, number)
	}
}

// brief is text of steps whose addresses are 192.0.2.x:5060.
func brief(steps []Step) string {
	return strings.NewReplacer("192.0.2.", "", ":5060", "").Replace(text(steps))
}

func noDraw(t *testing.T) func(uint32) uint32 {
	return func(uint32) uint32 {
		t.Error("something was drawn")
		return 0
	}
}

func TestPlanWithoutWeights(t *testing.T) {
	r := sound(t, "*=sip:192.0.2.1, sip:192.0.2.2 & sip:192.0.2.3 & sip:192.0.2.4, sip:192.0.2.5").Find("1")
	for _, c := range []struct {
		name, want string
		down       []string
	}{
		{"nobody is down", "1, 2 & 3 & 4, 5", nil},
		{"a step of its own", "2 & 3 & 4, 5", []string{"1"}},
		{"one of those asked at once", "1, 2 & 4, 5", []string{"3"}},
		{"all of those asked at once", "1, 5", []string{"2", "3", "4"}},
		{"all but one", "4", []string{"1", "2", "3", "5"}},
		{"all: better tried than refused", "1, 2 & 3 & 4, 5", []string{"1", "2", "3", "4", "5"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := brief(r.Plan(noDraw(t), downs(c.down...))); got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
		})
	}
	if got := brief(r.steps); got != "1, 2 & 3 & 4, 5" {
		t.Errorf("a plan has changed the route: %s", got)
	}
}

func TestPlanDraws(t *testing.T) {
	first := func(uint32) uint32 { return 0 }
	last := func(n uint32) uint32 { return n - 1 }
	for _, c := range []struct {
		name, value string
		random      func(uint32) uint32
		down, want  string
	}{
		{"the lowest number", "sip:192.0.2.1;weight=1, sip:192.0.2.2;weight=2, sip:192.0.2.3;weight=3", first, "", "1, 2, 3"},
		{"the highest number", "sip:192.0.2.1;weight=1, sip:192.0.2.2;weight=2, sip:192.0.2.3;weight=3", last, "", "3, 2, 1"},
		{"two runs", "sip:192.0.2.1;weight=1, sip:192.0.2.2;weight=1, sip:192.0.2.3, sip:192.0.2.4;weight=1, sip:192.0.2.5;weight=1", last, "", "2, 1, 3, 5, 4"},
		{"a fork ends a run", "sip:192.0.2.1;weight=1, sip:192.0.2.2;weight=1, sip:192.0.2.3 & sip:192.0.2.4, sip:192.0.2.5;weight=1", last, "", "2, 1, 3 & 4, 5"},
		{"only weights of 0", "sip:192.0.2.1;weight=0, sip:192.0.2.2;weight=0, sip:192.0.2.3", last, "", "1, 2, 3"},
		{"0 beside others is drawn last", "sip:192.0.2.1;weight=0, sip:192.0.2.2;weight=1, sip:192.0.2.3;weight=1", last, "", "3, 2, 1"},
		{"0 beside others can be drawn", "sip:192.0.2.1;weight=1, sip:192.0.2.2;weight=0", first, "", "2, 1"},
		{"down at the end", "sip:192.0.2.1;weight=1, sip:192.0.2.2;weight=1, sip:192.0.2.3;weight=1, sip:192.0.2.4", last, "3", "2, 1, 4"},
		{"one left of a run", "sip:192.0.2.1;weight=1, sip:192.0.2.2;weight=1, sip:192.0.2.3", last, "2", "1, 3"},
		{"none left of a run", "sip:192.0.2.1;weight=1, sip:192.0.2.2;weight=1, sip:192.0.2.3", last, "1 2", "3"},
		{"all are down, and still drawn", "sip:192.0.2.1;weight=1, sip:192.0.2.2;weight=1", last, "1 2", "2, 1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := sound(t, "*="+c.value).Find("1")
			if got := brief(r.Plan(c.random, downs(strings.Fields(c.down)...))); got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
		})
	}
}

// TestShares: the first and the second of a run are drawn in proportion to the weights.
func TestShares(t *testing.T) {
	const draws = 100_000
	r := sound(t, "*=sip:192.0.2.1;weight=1, sip:192.0.2.2;weight=1, sip:192.0.2.3;weight=3, sip:192.0.2.4;weight=0").Find("1")
	random := rand.New(rand.NewPCG(1, 2))
	counts := map[string]int{}
	for range draws {
		plan := r.Plan(random.Uint32N, nil)
		counts[brief(plan[:1])]++
		counts["then "+brief(plan[:2])]++
	}
	for first, share := range map[string]float64{
		"1": 0.2, "2": 0.2, "3": 0.6, "4": 0,
		"then 3, 1": 0.6 * 0.5, "then 1, 3": 0.2 * 0.75, "then 1, 2": 0.2 * 0.25,
	} {
		deviation := 5*math.Sqrt(draws*share*(1-share)) + draws/500 // the small chance of weight 0 is taken from the others
		if off := math.Abs(float64(counts[first]) - draws*share); off > deviation {
			t.Errorf("%s: %d of %d, which is off by %.0f", first, counts[first], draws, off)
		}
	}
	if counts["4"] == 0 {
		t.Error("weight 0 was never drawn first; RFC 2782 wants it to have a very small chance")
	}
}

// TestPlanAsksEachOnce: whatever is down and drawn, a plan has each target that is up once, and the runs stay where they are.
func TestPlanAsksEachOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var steps, all []string
		for i := range rapid.IntRange(1, maxTargets).Draw(t, "targets") {
			number := strconv.Itoa(i + 1)
			all = append(all, number)
			target := "sip:192.0.2." + number
			switch kind := rapid.SampledFrom([]string{"plain", "weighted", "at once"}).Draw(t, "kind"); {
			case kind == "weighted":
				steps = append(steps, target+";weight="+strconv.Itoa(rapid.SampledFrom([]int{0, 1, 7, maxWeight}).Draw(t, "weight")))
			case kind == "at once" && i > 0 && !strings.Contains(steps[len(steps)-1], "weight"):
				steps[len(steps)-1] += " & " + target
			default:
				steps = append(steps, target)
			}
		}
		r := &Route{name: "*"}
		if errs := r.parse(strings.Join(steps, ", ")); len(errs) > 0 {
			t.Fatal(errs)
		}
		down := rapid.SliceOfDistinct(rapid.SampledFrom(all), rapid.ID[string]).Draw(t, "down")
		want := slices.DeleteFunc(slices.Clone(all), func(n string) bool { return slices.Contains(down, n) })
		if len(want) == 0 {
			want = all
		}
		seed := rapid.Uint64().Draw(t, "seed")
		plan := r.Plan(rand.New(rand.NewPCG(seed, 1)).Uint32N, downs(down...))
		got := strings.FieldsFunc(brief(plan), func(c rune) bool { return c == ',' || c == ' ' || c == '&' })
		byNumber := func(a, b string) int { return atoi(a) - atoi(b) }
		if !slices.Equal(slices.SortedFunc(slices.Values(got), byNumber), want) {
			t.Fatalf("%s of %q without %q", brief(plan), steps, down)
		}
	})
}

func atoi(s string) int {
	n, _ := strconv.Atoi(s)
	return n
}

func TestUser(t *testing.T) {
	for _, c := range []struct {
		strip                  int
		prepend, dialled, want string
	}{
		{0, "", "4930", "4930"},
		{2, "", "004930", "4930"},
		{2, "+", "004930", "+4930"},
		{0, "9", "4930", "94930"},
		{4, "", "4930", ""},
		{5, "", "4930", ""},
		{64, "7", "4930", "7"},
		{1, "", "", ""},
		{1, "", "%2B49", "49"},
		{2, "00", "%2B49", "009"},
		{1, "", "%2", "2"},
		{1, "", "%zz1", "zz1"},
	} {
		target := Target{Strip: c.strip, Prepend: c.prepend}
		if got := target.User(c.dialled); got != c.want {
			t.Errorf("strip %d, prepend %q of %q: %q, want %q", c.strip, c.prepend, c.dialled, got, c.want)
		}
	}
}
