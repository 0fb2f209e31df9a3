package gatekeeper

import (
	"errors"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tollgate/acctstack"
	"tollgate/cdr"
)

func TestCallFromStartToStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		c := w.admit()
		w.saw("start")
		w.sleep(time.Second)
		w.decide(acctstack.Start, true)
		w.saw("proceed")
		w.locked(c.Alert)
		w.locked(c.Alert)
		w.sleep(2 * time.Second)
		w.connect(c)
		w.locked(c.Alert) // a late 180
		w.saw("alert")    // connect waits behind it
		w.decide(acctstack.Alert, true)
		w.saw("connect")
		w.decide(acctstack.Connect, true)
		w.sleep(5 * time.Second)
		w.locked(func() { c.End(16, cdr.ReleasedByCallee, nil) })
		w.locked(func() { c.End(41, cdr.ReleasedByCaller, nil) })
		w.connect(c)
		w.saw("stop")
		w.decide(acctstack.Stop, true)
		w.over()
		stop := w.events[3].Record
		if stop.Cause != 16 || stop.Released != cdr.ReleasedByCallee || !stop.LastCDR || stop.Duration() != 5 || stop.TotalDuration() != 8 || stop.RingTime() != 2 {
			t.Errorf("stop is %+v", stop)
		}
		for i, ev := range w.events {
			if ev.Seq != uint32(i+1) || ev.Record.SessionID != stop.SessionID || ev.Record.Number != 1 || ev.Name != "gk" || ev.ID == (cdr.UUID{}) {
				t.Errorf("event %d is %+v", i, ev)
			}
		}
		if start := w.events[0]; !start.Time.Equal(c.Setup) || !start.Record.Alerting.IsZero() {
			t.Errorf("the start's record changed: %+v", start.Record)
		}
	})
}

func TestSessionID(t *testing.T) {
	w := newWorld(t, nil)
	var ids []string
	for range 2 {
		c := w.admit()
		ids = append(ids, c.SessionID)
		w.locked(func() { c.End(16, cdr.ReleasedByCaller, nil) })
		w.decide(acctstack.Start, true)
		w.decide(acctstack.Stop, true)
	}
	for i, id := range ids {
		if !regexp.MustCompile(`^[0-9a-f]{8}0000000[0-9]$`).MatchString(id) || id[15] != byte('1'+i) {
			t.Errorf("session id %q", id)
		}
	}
	w.over()
}

func TestRefusedStartIsFollowedByAStop(t *testing.T) {
	w := newWorld(t, nil)
	w.admit()
	w.decide(acctstack.Start, false)
	w.saw("start", "drop 41 true accounting", "stop")
	w.decide(acctstack.Stop, false)
	w.over()
	if stop := w.events[1].Record; stop.Cause != 41 || stop.Released != cdr.ReleasedByGatekeeper || !stop.Connected.IsZero() {
		t.Errorf("stop is %+v", stop)
	}
}

func TestCancelWhilePending(t *testing.T) {
	for _, ok := range []bool{true, false} {
		w := newWorld(t, nil)
		c := w.admit()
		w.locked(func() { c.End(16, cdr.ReleasedByCaller, nil) })
		if n := w.gk.Stats().Current; n != 0 {
			t.Errorf("%d calls in the table", n)
		}
		w.saw("start")
		w.decide(acctstack.Start, ok)
		w.saw("stop") // no proceed, no drop
		w.decide(acctstack.Stop, true)
		w.over()
	}
}

func TestWhatNobodyWantsIsNoEvent(t *testing.T) {
	t.Run("start", func(t *testing.T) {
		w := newWorld(t, nil)
		w.wants = acctstack.KindsOf(acctstack.Stop)
		c := w.admit()
		w.saw("proceed")
		w.locked(c.Alert)
		w.connect(c)
		w.saw()
		w.locked(func() { c.End(16, cdr.ReleasedByCaller, nil) })
		w.saw("stop")
		w.decide(acctstack.Stop, true)
		w.over()
	})
	t.Run("stop", func(t *testing.T) {
		w := newWorld(t, nil)
		w.wants = acctstack.KindsOf(acctstack.Start)
		c := w.admit()
		w.decide(acctstack.Start, true)
		w.locked(func() { c.End(16, cdr.ReleasedByCaller, nil) })
		w.saw("start", "proceed")
		w.over()
	})
	t.Run("stop of a call that is pending", func(t *testing.T) {
		w := newWorld(t, nil)
		w.wants = acctstack.KindsOf(acctstack.Start)
		c := w.admit()
		w.locked(func() { c.End(16, cdr.ReleasedByCaller, nil) })
		w.decide(acctstack.Start, true)
		w.saw("start")
		w.over()
	})
}

func TestTimeouts(t *testing.T) {
	tests := []struct {
		name  string
		until func(w *world, c *Call)
		after time.Duration
		want  string
		cause int
	}{
		{"signal while pending", func(*world, *Call) {}, 30 * time.Second, "drop 41 false no progress within SignalTimeout", 41},
		{"signal", func(w *world, c *Call) { w.decide(acctstack.Start, true) }, 30 * time.Second, "drop 41 false no progress within SignalTimeout", 41},
		{"alerting", func(w *world, c *Call) {
			w.decide(acctstack.Start, true)
			w.locked(c.Alert)
			w.decide(acctstack.Alert, true)
		}, 180 * time.Second, "drop 41 false no answer within AlertingTimeout", 41},
		{"duration", func(w *world, c *Call) {
			w.decide(acctstack.Start, true)
			w.connect(c)
			w.decide(acctstack.Connect, true)
		}, 3600 * time.Second, "drop 47 false call duration limit", 47},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, func(s *Settings) { s.DurationLimit = time.Hour })
				c := w.admit()
				test.until(w, c)
				w.log = nil
				w.sleep(test.after - time.Second)
				w.saw()
				w.sleep(2 * time.Second)
				if test.name == "signal while pending" {
					w.saw(test.want)
					w.decide(acctstack.Start, true)
					w.saw("stop")
				} else {
					w.saw(test.want, "stop")
				}
				w.decide(acctstack.Stop, true)
				w.over()
				if stop := w.events[len(w.events)-1].Record; stop.Cause != test.cause || stop.Released != cdr.ReleasedByGatekeeper {
					t.Errorf("stop is %+v", stop)
				}
			})
		})
	}
}

// answered makes a call that is connected that long after its INVITE.
func (w *world) answered(after time.Duration) *Call {
	w.t.Helper()
	c := w.admit()
	w.decide(acctstack.Start, true)
	w.sleep(after)
	w.connect(c)
	w.decide(acctstack.Connect, true)
	w.log = nil
	return c
}

func (w *world) finish(c *Call) {
	w.t.Helper()
	w.locked(func() { c.End(16, cdr.ReleasedByCaller, nil) })
	w.decide(acctstack.Stop, true)
	w.over()
}

func TestUpdates(t *testing.T) {
	near := func(got, want time.Duration) bool { return got >= want && got < want+150*time.Millisecond }
	t.Run("the first counts from the INVITE", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, func(s *Settings) { s.UpdateInterval = 60 * time.Second })
			c := w.answered(20 * time.Second)
			for range 3 {
				w.sleep(60*time.Second + 200*time.Millisecond)
				w.decide(acctstack.Update, true)
			}
			first, second := w.events[2], w.events[3]
			if !near(first.Time.Sub(c.Setup), 60*time.Second) || !near(second.Time.Sub(first.Time), 60*time.Second) {
				t.Errorf("updates at %s and %s", first.Time.Sub(c.Setup), second.Time.Sub(c.Setup))
			}
			if !first.Record.Disconnected.IsZero() || first.Record.Duration() != 40 {
				t.Errorf("update says %d s", first.Record.Duration())
			}
			w.finish(c)
		})
	})
	t.Run("at once behind a late answer", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, func(s *Settings) { s.UpdateInterval = 10 * time.Second })
			c := w.answered(20 * time.Second)
			w.sleep(200 * time.Millisecond)
			w.saw("update")
			w.decide(acctstack.Update, true)
			w.finish(c)
		})
	})
	t.Run("a hanging module has one waiting", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, func(s *Settings) { s.UpdateInterval = 10 * time.Second })
			c := w.answered(time.Second)
			w.sleep(65 * time.Second)
			w.saw("update")
			w.locked(func() { c.End(16, cdr.ReleasedByCaller, nil) })
			w.decide(acctstack.Update, true)
			w.decide(acctstack.Update, true)
			w.saw("update", "stop")
			w.decide(acctstack.Stop, true)
			w.over()
		})
	})
	t.Run("none behind the end", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, func(s *Settings) { s.UpdateInterval = 10 * time.Second })
			w.finish(w.answered(time.Second))
			w.log = nil
			w.sleep(time.Minute)
			w.saw()
		})
	})
}

func TestTeardown(t *testing.T) {
	tests := []struct {
		name string
		kind acctstack.Kind
		set  acctstack.Kinds
		down bool
	}{
		{"connect", acctstack.Connect, acctstack.KindsOf(acctstack.Connect), true},
		{"connect, unnamed", acctstack.Connect, acctstack.KindsOf(acctstack.Update), false},
		{"update", acctstack.Update, acctstack.KindsOf(acctstack.Update), true},
		{"none", acctstack.Update, 0, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, func(s *Settings) { s.UpdateInterval, s.Teardown = 10*time.Second, test.set })
				c := w.admit()
				w.decide(acctstack.Start, true)
				w.connect(c)
				w.decide(acctstack.Connect, test.kind != acctstack.Connect)
				if test.kind == acctstack.Update {
					w.sleep(11 * time.Second)
					w.decide(acctstack.Update, false)
				}
				if c.Ended() != test.down {
					t.Fatalf("ended: %t", c.Ended())
				}
				if !test.down {
					w.finish(c)
					return
				}
				w.decide(acctstack.Stop, false) // changes nothing any more
				w.over()
				if last := w.events[len(w.events)-1].Record; last.Cause != 41 || last.Released != cdr.ReleasedByGatekeeper {
					t.Errorf("stop is %+v", last)
				}
				if !strings.Contains(strings.Join(w.log, ","), "drop 41 false accounting,stop") {
					t.Errorf("saw %q", w.log)
				}
			})
		})
	}
}

func TestMaxPending(t *testing.T) {
	w := newWorld(t, func(s *Settings) { s.MaxPending = 2 })
	admit := func() (err error) {
		w.locked(func() { _, err = w.shard.Admit(w, cdr.Record{Setup: time.Now()}) })
		return err
	}
	first, second := w.admit(), w.admit()
	if err := admit(); !errors.Is(err, ErrOverload) {
		t.Fatalf("the third is admitted: %v", err)
	}
	w.locked(func() { second.End(16, cdr.ReleasedByCaller, nil) })
	if err := admit(); !errors.Is(err, ErrOverload) {
		t.Fatalf("a cancelled call's start has no verdict yet: %v", err)
	}
	w.decide(acctstack.Start, true)
	third := w.admit()
	if st := w.gk.Stats(); st.Total != 3 || st.Current != 2 || st.Peak != 2 {
		t.Errorf("counters %+v", st)
	}
	w.decide(acctstack.Start, false) // of second
	w.decide(acctstack.Start, false) // of third
	for range 2 {
		w.decide(acctstack.Stop, true)
	}
	if !third.Ended() {
		t.Error("the third goes on")
	}
	w.finish(first)
}

func TestRejectsAreBounded(t *testing.T) {
	w := newWorld(t, func(s *Settings) { s.MaxPending = 2 })
	for range 3 {
		w.locked(func() { w.shard.Reject(cdr.Record{Setup: time.Now()}, 21) })
	}
	w.saw("reject", "reject")
	w.decide(acctstack.Reject, true)
	w.locked(func() { w.shard.Reject(cdr.Record{Setup: time.Now()}, 21) })
	w.saw("reject")
	w.decide(acctstack.Reject, false)
	w.decide(acctstack.Reject, true)
	ev := w.events[0]
	if r := ev.Record; r.Cause != 21 || r.CauseTranslated != 21 || r.Released != cdr.ReleasedByGatekeeper || r.Number != 0 || !r.LastCDR || r.SessionID == "" {
		t.Errorf("recorded as %+v", r)
	}
	if st := w.gk.Stats(); st.Total != 0 {
		t.Errorf("counted as calls: %+v", st)
	}
	w.over()
}
