package sessiontimer

import (
	"testing"

	"pgregory.net/rapid"
)

func TestRequest(t *testing.T) {
	ours := Policy{Expires: 1800, MinSE: 120}
	for _, c := range []struct {
		name   string
		policy Policy
		in     Request
		want   RequestEdit
	}{
		// RFC 4028 8.1, the first two paragraphs: a proxy may ask for a timer that nobody has asked for.
		{"asks for a timer", ours, Request{Supported: true}, RequestEdit{Expires: 1800}},
		{"asks for a timer though the UAC knows none", ours, Request{}, RequestEdit{Expires: 1800}},
		{"asks for none", Policy{MinSE: 120}, Request{Supported: true}, RequestEdit{}},
		{"asks for no less than Min-SE", ours, Request{Supported: true, MinSE: 3600}, RequestEdit{Expires: 3600}},
		{"asks for no less than it would refuse", Policy{Expires: 100, MinSE: 120}, Request{Supported: true}, RequestEdit{Expires: 120}},
		{"asks for no less than 90 s", Policy{Expires: 10}, Request{Supported: true}, RequestEdit{Expires: 90}},

		// The third: it may lower a Session-Expires, but not below Min-SE, and not raise it.
		{"lowers", ours, Request{Supported: true, Expires: 3600}, RequestEdit{Expires: 1800}},
		{"lowers where the UAC knows no timer", ours, Request{Expires: 3600}, RequestEdit{Expires: 1800}},
		{"lowers to Min-SE and no further", ours, Request{Supported: true, Expires: 3600, MinSE: 2400, Refresher: "uac"}, RequestEdit{Expires: 2400}},
		{"lowers to Min-SE, which it is already", ours, Request{Supported: true, Expires: 3600, MinSE: 3600}, RequestEdit{}},
		{"lowers no further than it would refuse", Policy{Expires: 100, MinSE: 120}, Request{Supported: true, Expires: 3600}, RequestEdit{Expires: 120}},
		{"lowers no further than 90 s", Policy{Expires: 10}, Request{Supported: true, Expires: 3600}, RequestEdit{Expires: 90}},
		{"does not raise", ours, Request{Supported: true, Expires: 600, MinSE: 300}, RequestEdit{}},
		{"does not raise the same", ours, Request{Supported: true, Expires: 1800}, RequestEdit{}},
		{"does not raise what is at its minimum", ours, Request{Supported: true, Expires: 120}, RequestEdit{}},
		{"raises to Min-SE", ours, Request{Supported: true, Expires: 600, MinSE: 700}, RequestEdit{Expires: 700}},
		{"raises to the Min-SE that there is without one", Policy{Expires: 1800}, Request{Supported: true, Expires: 30}, RequestEdit{Expires: 90}},
		{"leaves what is not below a Min-SE that is too low", Policy{Expires: 1800}, Request{Supported: true, Expires: 60, MinSE: 60}, RequestEdit{}},

		// The fourth: a UAC that knows timers is told that its interval is too small.
		{"refuses", ours, Request{Supported: true, Expires: 119}, RequestEdit{MinSE: 120, TooSmall: true}},
		{"refuses whatever Min-SE is", ours, Request{Supported: true, Expires: 100, MinSE: 90}, RequestEdit{MinSE: 120, TooSmall: true}},
		{"refuses with no less than 90 s", Policy{MinSE: 1}, Request{Supported: true, Expires: 89}, RequestEdit{MinSE: 90, TooSmall: true}},
		{"refuses nothing without a minimum", Policy{}, Request{Supported: true, Expires: 90}, RequestEdit{}},

		// The fifth and sixth: one that does not know them is not refused; Min-SE goes up, and Session-Expires with it.
		{"adds Min-SE", ours, Request{Expires: 100}, RequestEdit{Expires: 120, MinSE: 120}},
		{"raises Min-SE", ours, Request{Expires: 100, MinSE: 95}, RequestEdit{Expires: 120, MinSE: 120}},
		{"never lowers Min-SE", ours, Request{Expires: 100, MinSE: 200}, RequestEdit{Expires: 200}},
		{"leaves Min-SE where the interval is long enough", ours, Request{Expires: 600, MinSE: 95}, RequestEdit{}},
		{"leaves Min-SE where it asks for the timer", ours, Request{MinSE: 95}, RequestEdit{Expires: 1800}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := c.policy.OnRequest(c.in); got != c.want {
				t.Errorf("%+v, want %+v", got, c.want)
			}
		})
	}
}

// TestSession goes through who knows timers and who is named as refresher, as in table 2 of RFC 4028 9, and what a proxy
// makes of the 2xx by 8.2.
func TestSession(t *testing.T) {
	const sent = 1800
	for _, c := range []struct {
		name     string
		asked    Request
		sent     uint32
		answer   Answer
		edit     AnswerEdit
		interval uint32
	}{
		{"neither knows timers", Request{}, sent, Answer{}, AnswerEdit{}, 0},
		{"only the UAC", Request{Supported: true}, sent, Answer{}, AnswerEdit{Insert: true, Require: true, Expires: sent}, sent},
		{"only the UAC, which has asked", Request{Supported: true, Expires: 3600, Refresher: "uas"}, sent, Answer{},
			AnswerEdit{Insert: true, Require: true, Expires: sent}, sent},
		{"only the UAC, and nobody has asked", Request{Supported: true}, 0, Answer{}, AnswerEdit{}, 0},
		{"only the UAC, and timer is required all the same", Request{Supported: true}, sent, Answer{Required: true},
			AnswerEdit{Insert: true, Expires: sent}, sent},
		{"only the UAS, which refreshes", Request{}, sent, Answer{Expires: sent, Refresher: "uas"}, AnswerEdit{}, sent},
		{"only the UAS, with less", Request{}, sent, Answer{Expires: 600, Refresher: "uas"}, AnswerEdit{}, 600},
		{"both, the UAS refreshes", Request{Supported: true}, sent, Answer{Expires: sent, Refresher: "uas"}, AnswerEdit{}, sent},
		{"both, the UAC refreshes", Request{Supported: true}, sent, Answer{Expires: sent, Refresher: "uac", Required: true}, AnswerEdit{}, sent},
		{"both, the UAC wants to", Request{Supported: true, Expires: 3600, Refresher: "uac"}, sent,
			Answer{Expires: 900, Refresher: "uac", Required: true}, AnswerEdit{}, 900},
		{"both, the UAC wants the UAS to", Request{Supported: true, Expires: 3600, Refresher: "uas"}, sent,
			Answer{Expires: 900, Refresher: "uas"}, AnswerEdit{}, 900},
		{"the UAS asks by itself", Request{Supported: true}, 0, Answer{Expires: 600, Refresher: "uac", Required: true}, AnswerEdit{}, 600},
		{"an interval that must not be", Request{Supported: true}, sent, Answer{Expires: 5, Refresher: "uas"}, AnswerEdit{}, Floor},
	} {
		t.Run(c.name, func(t *testing.T) {
			edit, interval := OnAnswer(c.asked, c.sent, c.answer)
			if edit != c.edit || interval != c.interval {
				t.Errorf("%+v, interval %d; want %+v, %d", edit, interval, c.edit, c.interval)
			}
		})
	}
}

// TestNegotiation is the call flow that RFC 4028 has as its example: a UAC whose interval is too small for two proxies asks again with theirs.
func TestNegotiation(t *testing.T) {
	p1, p2 := Policy{Expires: 7200, MinSE: 3600}, Policy{Expires: 7200, MinSE: 4000}
	ask := Request{Supported: true, Expires: 50}
	for i, p := range []Policy{p1, p2} {
		edit := p.OnRequest(ask)
		if !edit.TooSmall || edit.MinSE != p.MinSE {
			t.Fatalf("proxy %d: %+v", i+1, edit)
		}
		ask.Expires, ask.MinSE = edit.MinSE, edit.MinSE // RFC 4028 7.3
	}
	for i, p := range []Policy{p1, p2} {
		if edit := p.OnRequest(ask); edit != (RequestEdit{}) {
			t.Fatalf("proxy %d: %+v", i+1, edit)
		}
	}
	edit, interval := OnAnswer(ask, ask.Expires, Answer{})
	if edit.Expires != 4000 || interval != 4000 {
		t.Errorf("%+v, interval %d", edit, interval)
	}
}

// seconds draws intervals among which the bounds are frequent.
func seconds() *rapid.Generator[uint32] {
	return rapid.OneOf(rapid.SampledFrom([]uint32{0, 1, 89, 90, 91, 1800, 1<<32 - 1}), rapid.Uint32Range(0, 300), rapid.Uint32())
}

// TestMustNots are the prohibitions of RFC 4028 8.1, whatever the policy and the request.
func TestMustNots(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := Policy{Expires: seconds().Draw(t, "our expires"), MinSE: seconds().Draw(t, "our min")}
		r := Request{Supported: rapid.Bool().Draw(t, "supported"), Expires: seconds().Draw(t, "expires"), MinSE: seconds().Draw(t, "min")}
		edit := p.OnRequest(r)
		if edit.TooSmall {
			if !r.Supported || r.Expires == 0 || r.Expires >= edit.MinSE || edit.MinSE < Floor || edit.Expires != 0 {
				t.Fatalf("refused: %+v", edit)
			}
			return
		}
		if edit.MinSE != 0 && (r.Supported || edit.MinSE <= r.MinSE) {
			t.Fatalf("Min-SE of a UAC that knows timers was touched, or lowered: %+v", edit)
		}
		least := max(r.MinSE, edit.MinSE)
		if least == 0 {
			least = Floor
		}
		goesOn := r.Expires
		if edit.Expires != 0 {
			goesOn = edit.Expires
		}
		switch {
		case goesOn != 0 && goesOn < least:
			t.Fatalf("Session-Expires %d below Min-SE %d", goesOn, least)
		case r.Expires >= least && goesOn > r.Expires:
			t.Fatalf("Session-Expires raised from %d to %d with Min-SE %d", r.Expires, goesOn, least)
		case p.Expires == 0 && r.Expires == 0 && goesOn != 0:
			t.Fatalf("a timer that nobody wants: %+v", edit)
		}
		// Whoever gets what we send on does not change it again.
		next := Request{Supported: r.Supported, Expires: goesOn, MinSE: max(r.MinSE, edit.MinSE)}
		if again := p.OnRequest(next); again != (RequestEdit{}) {
			t.Fatalf("%+v is changed again: %+v", next, again)
		}
	})
}
