package routes

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"tollgate/config"
)

func TestFind(t *testing.T) {
	found := sound(t, "49=sip:192.0.2.1", "*=sip:192.0.2.2", "4930=sip:192.0.2.3", "+49=sip:192.0.2.4", "*21*=sip:192.0.2.5", "alice=sip:192.0.2.6")
	for user, want := range map[string]string{"49": "49", "4931": "49", "4930": "4930", "49301": "4930", "4": "", "": "", "+4930": "+49",
		"*21*30": "*21*", "*2": "", "alice": "alice", "Alice": ""} {
		if got := found.Find(user); got.Prefix() != want {
			t.Errorf("%q: route %q, want %q", user, got.Prefix(), want)
		}
	}
	if r := sound(t, "49=sip:192.0.2.1").Find("4"); r != nil {
		t.Errorf("route %q for a user that has no route", r.Prefix())
	}
	var none Table
	if none.Find("49") != nil || !none.Empty() || none.Has(netip.MustParseAddr("192.0.2.1")) {
		t.Error("a table without routes has one")
	}
}

// TestFindIsTheLongestPrefix compares with a search through all of them.
func TestFindIsTheLongestPrefix(t *testing.T) {
	digits := rapid.StringMatching("[01*]{1,6}")
	rapid.Check(t, func(t *rapid.T) {
		var section config.Section
		for _, name := range rapid.SliceOfDistinct(digits, rapid.ID[string]).Draw(t, "prefixes") {
			section.Entries = append(section.Entries, config.Entry{Name: name, Value: "sip:192.0.2.1"})
		}
		found, _ := Parse(&section)
		user := rapid.StringMatching("[01*]{0,8}").Draw(t, "user")
		want := -1
		for _, e := range section.Entries {
			prefix := strings.TrimSuffix(e.Name, "*")
			if e.Name != "*" {
				prefix = e.Name
			}
			if strings.HasPrefix(user, prefix) {
				want = max(want, len(prefix))
			}
		}
		got := -1
		if r := found.Find(user); r != nil {
			got = len(r.Prefix())
		}
		if got != want {
			t.Fatalf("a prefix of %d characters, want %d", got, want)
		}
	})
}

func TestTargets(t *testing.T) {
	found := sound(t, "1=sip:192.0.2.1 & sip:192.0.2.2:5070", "2=sip:192.0.2.1;strip=1, sip:[2001:db8::1]", "3=sip:192.0.2.2:5070")
	if got, want := text([]Step{found.Targets()}), "192.0.2.1:5060 & 192.0.2.2:5070 & [2001:db8::1]:5060"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	for addr, want := range map[string]bool{"192.0.2.1": true, "192.0.2.2": true, "::ffff:192.0.2.2": true, "192.0.2.3": false, "2001:db8::1": true} {
		if found.Has(netip.MustParseAddr(addr)) != want {
			t.Errorf("%s is a gateway: %t", addr, !want)
		}
	}
	if found.Empty() {
		t.Error("it is empty")
	}
}

func BenchmarkFind(b *testing.B) {
	for _, n := range []int{1, 100, 100_000} {
		b.Run(fmt.Sprintf("routes=%d", n), func(b *testing.B) {
			section := &config.Section{}
			section.Entries = append(section.Entries, config.Entry{Name: "49", Value: "sip:192.0.2.1"})
			for i := 1; i < n; i++ { // of three to eleven digits, as in a plan of numbers
				name := fmt.Sprintf("49%d", i)
				if i%10 == 0 {
					name = fmt.Sprintf("490%08d", i)
				}
				section.Entries = append(section.Entries, config.Entry{Name: name, Value: "sip:192.0.2.1"})
			}
			found, problems := Parse(section)
			if len(problems) > 0 {
				b.Fatal(problems)
			}
			users := []string{"4930123456", "49000000109123", "49211987654", "4989"}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if found.Find(users[i%len(users)]) == nil {
					b.Fatal("no route")
				}
			}
		})
	}
}

func BenchmarkPlan(b *testing.B) {
	for _, c := range []struct{ name, value string }{
		{"plain", "sip:192.0.2.1, sip:192.0.2.2, sip:192.0.2.3 & sip:192.0.2.4"},
		{"weighted", "sip:192.0.2.1;weight=1, sip:192.0.2.2;weight=1, sip:192.0.2.3;weight=2"},
	} {
		b.Run(c.name, func(b *testing.B) {
			found := sound(b, "*="+c.value)
			r, h := found.Find("1"), NewHealth()
			h.Watch(found.Targets())
			last := func(n uint32) uint32 { return n - 1 }
			b.ReportAllocs()
			for b.Loop() {
				if len(r.Plan(last, h.Down)) != 3 {
					b.Fatal("a plan that lacks steps")
				}
			}
		})
	}
}

func TestPlanOfASoundRouteAllocatesNothing(t *testing.T) {
	found := sound(t, "*=sip:192.0.2.1, sip:192.0.2.2, sip:192.0.2.3 & sip:192.0.2.4")
	r, h := found.Find("1"), NewHealth()
	h.Watch(found.Targets())
	if n := testing.AllocsPerRun(100, func() { r.Plan(nil, h.Down); found.Find("4930") }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
