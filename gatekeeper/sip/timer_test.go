package sip

import (
	"testing"
	"time"

	"tollgate/acctstack"
	"tollgate/gatekeeper"
)

// timed is a rig with the default session timers.
func timed(_ *rig, _ *gatekeeper.Settings, s *Settings) {
	s.SessionExpires, s.MinSE = 30*time.Minute, 90*time.Second
}

// lines are the header lines of that id, joined.
func (m *message) lines(id headerID) string {
	text := ""
	for i := range m.headers {
		if m.headers[i].id == id {
			text += string(m.line(&m.headers[i])) + "|"
		}
	}
	return text
}

func TestSessionTimerOfACall(t *testing.T) {
	tests := []struct {
		name     string
		offer    []string
		goes     string // Session-Expires and Min-SE at the callee
		answer   []string
		comes    string // Session-Expires and Require at the caller
		interval time.Duration
	}{
		{"nobody knows them", nil, "Session-Expires: 1800|", nil, "", 30 * time.Minute},
		{"the caller knows them", []string{"Supported: replaces, timer"}, "Session-Expires: 1800|", nil, "Session-Expires: 1800;refresher=uac|Require: timer|", 30 * time.Minute},
		{"the callee knows them", nil, "Session-Expires: 1800|", []string{"Session-Expires: 600;refresher=uas"}, "Session-Expires: 600;refresher=uas|", 10 * time.Minute},
		{"the caller asks for more", []string{"k: timer", "x: 7200;refresher=uas", "Min-SE: 120"}, "Session-Expires: 1800;refresher=uas|Min-SE: 120|",
			[]string{"Require: timer", "Session-Expires: 1800;refresher=uas"}, "Session-Expires: 1800;refresher=uas|Require: timer|", 30 * time.Minute},
		{"the caller asks for less", []string{"Supported: timer", "Session-Expires: 300"}, "Session-Expires: 300|", nil, "Session-Expires: 300;refresher=uac|Require: timer|", 5 * time.Minute},
		{"too little, from one that does not know what it says", []string{"Session-Expires: 60"}, "Session-Expires: 90|Min-SE: 90|", nil, "", 30 * time.Minute},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := newRig(t, timed, journalled)
			r.caller.send(r.caller.invite("timer").with(func(q *req) { q.extra = test.offer }))
			in := r.callee.expect("INVITE")
			if got := in.lines(hdrSessionExpires) + in.lines(hdrMinSE); got != test.goes {
				t.Errorf("the callee is offered %s, want %s", got, test.goes)
			}
			var caller *leg
			for range 2 { // the answer is the same when it is repeated, and behind a restart
				r.callee.answer(in, "200 OK", test.answer...)
				ok := r.caller.expect("200")
				if got := ok.lines(hdrSessionExpires) + ok.lines(hdrRequire); got != test.comes {
					t.Errorf("the caller is answered %s, want %s", got, test.comes)
				}
				caller = r.caller.callerLeg(ok)
				if r.vault.age == 0 {
					r.vault.age = time.Second
					r.crash(nil)
				}
			}
			caller.send("ACK")
			r.callee.expect("ACK")
			if took := r.asked(); took < test.interval-time.Second || took > test.interval+time.Second {
				t.Errorf("asked after %s, want %s", took, test.interval)
			}
			r.callee.answerAll(1, "OPTIONS", "200 OK")
			r.caller.answerAll(1, "OPTIONS", "200 OK")
			r.hangUp(caller)
		})
	}
}

func TestIntervalThatIsTooSmall(t *testing.T) {
	r := newRig(t, timed)
	extra := []string{"Supported: timer", "Session-Expires: 89"}
	q := r.caller.send(r.caller.invite("short").with(func(q *req) { q.extra = extra }))
	m := r.caller.expect("422")
	if got := m.lines(hdrMinSE); got != "Min-SE: 90|" || len(m.toTag) == 0 {
		t.Errorf("answered\n%s", m.raw)
	}
	r.caller.send(q.sibling("ACK").with(func(q *req) { q.to = string(m.to) }))
	r.callee.quiet()
	r.caller.quiet()
	r.books.expect(t)
	if st := r.gk.Stats(); st.Total != 0 {
		t.Errorf("%+v", st)
	}
	caller, callee := r.connect("up")
	for _, l := range []*leg{caller, callee} {
		for _, method := range []string{"UPDATE", "INVITE"} {
			q := l.request(method)
			q.extra = append(q.extra, extra...)
			l.a.send(q)
			l.a.expect("422")
		}
	}
	r.caller.quiet()
	r.callee.quiet()
	r.hangUp(caller)
}

// A refresh by either side begins the interval anew, with what it agrees on; one that is refused does not.
func TestRefresh(t *testing.T) {
	r := newRig(t, timed)
	caller, callee := r.connect("refresh")
	r.advance(20 * time.Minute)
	q := caller.request("UPDATE")
	q.extra = append(q.extra, "Supported: timer", "Session-Expires: 1200;refresher=uac")
	r.caller.send(q)
	m := r.callee.expect("UPDATE")
	if got := m.lines(hdrSessionExpires); got != "Session-Expires: 1200;refresher=uac|" {
		t.Errorf("goes on with %s", got)
	}
	r.callee.answer(m, "200 OK", "Session-Expires: 1200;refresher=uac")
	r.caller.expect("200")
	r.advance(19 * time.Minute)
	r.callee.quiet()
	q = callee.send("INVITE")
	m = r.caller.expect("INVITE")
	if got := m.lines(hdrSessionExpires); got != "Session-Expires: 1800|" {
		t.Errorf("goes on with %s", got)
	}
	r.caller.answer(m, "200 OK", "Session-Expires: 900;refresher=uas")
	r.callee.expect("200")
	r.callee.send(q.sibling("ACK").with(func(q *req) { q.branch, q.extra = r.callee.branch(), callee.routes }))
	r.caller.expect("ACK")
	r.advance(10 * time.Minute)
	q = caller.send("INVITE")
	r.callee.answer(r.callee.expect("INVITE"), "488 Not Acceptable Here")
	r.callee.expect("ACK")
	r.caller.expect("488")
	r.caller.send(q.sibling("ACK"))
	if took := r.asked(); took > 5*time.Minute+time.Second || took < 5*time.Minute-time.Second {
		t.Errorf("asked after %s", took)
	}
	heard := time.Now()
	r.callee.answerAll(1, "OPTIONS", "481 Call/Transaction Does Not Exist")
	r.byes(r.callee, r.caller)
	r.vanished(heard)
	r.books.expect(t, acctstack.Start, acctstack.Alert, acctstack.Connect, acctstack.Stop)
}
