package gatekeeper

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"tollgate/acctstack"
	"tollgate/cdr"
)

func TestCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		first, second, third := w.answered(0), w.answered(0), w.answered(0)
		time.Sleep(3 * time.Second)
		w.locked(func() { second.End(16, cdr.ReleasedByCaller, nil) })
		w.decide(acctstack.Stop, true)
		calls := w.gk.Calls()
		if len(calls) != 2 || calls[0].Number != 1 || calls[1].Number != 3 || calls[0].Duration() != 3 {
			t.Fatalf("calls %+v", calls)
		}
		calls[0].User = "changed"
		if first.User != "" {
			t.Error("a snapshot is the call itself")
		}
		if st := w.gk.Stats(); st.Current != 2 || st.Active != 2 || st.Total != 3 || st.Successful != 3 || st.Peak != 3 {
			t.Errorf("counters %+v", st)
		}
		w.locked(func() { first.End(16, cdr.ReleasedByCaller, nil); third.End(16, cdr.ReleasedByCaller, nil) })
		w.decide(acctstack.Stop, true)
		w.decide(acctstack.Stop, true)
		w.over()
	})
}

func TestDisconnect(t *testing.T) {
	w := newWorld(t, nil)
	c := w.answered(0)
	other := w.answered(0)
	if w.gk.Disconnect(99) || !w.gk.Disconnect(c.Number) || w.gk.Disconnect(c.Number) {
		t.Error("Disconnect does not tell whether there was a call")
	}
	w.saw("drop 16 false disconnected by the operator", "stop")
	w.decide(acctstack.Stop, true)
	if other.Ended() {
		t.Error("another call ended")
	}
	w.finish(other)
}

// shutdown runs Shutdown, and decides the stops as they come.
func (w *world) shutdown(ctx context.Context, drain Drain) {
	done := make(chan struct{})
	go func() { defer close(done); w.gk.Shutdown(ctx, drain) }()
	for {
		synctest.Wait()
		w.mu.Lock()
		open := len(w.open)
		w.mu.Unlock()
		if open > 0 {
			w.decide(acctstack.Stop, true)
			continue
		}
		select {
		case <-done:
			return
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func TestShutdown(t *testing.T) {
	const text = "drop 41 false gatekeeper is shutting down"
	for name, test := range map[string]struct {
		drain Drain
		end   time.Duration // when the call ends by itself
		takes time.Duration
		want  []string
	}{
		"disconnect":         {Drain{}, time.Hour, 0, []string{text, "stop"}},
		"drain, long enough": {Drain{Wait: 10 * time.Second}, 4 * time.Second, 4 * time.Second, []string{"stop"}},
		"drain, too short":   {Drain{Wait: 10 * time.Second}, time.Hour, 10 * time.Second, []string{text, "stop"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, nil)
				c := w.answered(0)
				hangUp := time.AfterFunc(test.end, func() { w.locked(func() { c.End(16, cdr.ReleasedByCaller, nil) }) })
				defer hangUp.Stop()
				begin := time.Now()
				w.shutdown(t.Context(), test.drain)
				if took := time.Since(begin); took < test.takes || took > test.takes+time.Second {
					t.Errorf("took %s", took)
				}
				w.saw(test.want...)
				w.over()
				w.locked(func() {
					if _, err := w.shard.Admit(w, cdr.Record{}); !errors.Is(err, ErrDraining) {
						t.Errorf("a call was admitted: %v", err)
					}
					w.shard.Reject(cdr.Record{}, 21)
				})
				w.saw()
			})
		})
	}
	t.Run("drain is cut short", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, nil)
			w.answered(0)
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			begin := time.Now()
			w.shutdown(ctx, Drain{Wait: time.Hour})
			if took := time.Since(begin); took > 2*time.Second {
				t.Errorf("took %s", took)
			}
			w.saw(text, "stop")
			w.over()
		})
	})
	t.Run("a call that is pending", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, nil)
			w.admit()
			time.AfterFunc(time.Second, func() { w.locked(func() {}); w.decide(acctstack.Start, true) })
			done := make(chan struct{})
			go func() { defer close(done); w.gk.Shutdown(t.Context(), Drain{}) }()
			time.Sleep(2 * time.Second)
			w.decide(acctstack.Stop, true)
			<-done
			w.saw("start", text, "stop")
			w.over()
		})
	})
}

func TestOnAndOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		for _, event := range []struct {
			send func()
			kind acctstack.Kind
		}{{w.gk.On, acctstack.On}, {w.gk.Off, acctstack.Off}} {
			done := false
			go func() { event.send(); done = true }()
			synctest.Wait()
			if done {
				t.Errorf("%s does not wait", event.kind)
			}
			w.decide(event.kind, event.kind == acctstack.On)
			synctest.Wait()
			if !done {
				t.Errorf("%s waits on", event.kind)
			}
		}
		on, off := w.events[0], w.events[1]
		if on.SessionID != off.SessionID || len(on.SessionID) != 16 || on.ID == off.ID || on.Record != nil {
			t.Errorf("on %+v, off %+v", on, off)
		}
		w.wants = 0
		w.gk.On()
	})
}

func TestCDRLines(t *testing.T) {
	tests := []struct {
		name      string
		change    func(s *Settings)
		connected bool
		nosink    bool
		want      int
	}{
		{"connected", nil, true, false, 1},
		{"nobody looks", nil, true, true, 0},
		{"unconnected", nil, false, false, 0},
		{"GenerateUCCDR", func(s *Settings) { s.UnconnectedCDR = true }, false, false, 1},
		{"GenerateNBCDR=0", func(s *Settings) { s.NeighbourCDR = false }, true, false, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t, test.change)
			w.nosink = test.nosink
			c := w.admit()
			w.decide(acctstack.Start, true)
			if test.connected {
				w.connect(c)
				w.decide(acctstack.Connect, true)
			}
			w.finish(c)
			if len(w.cdrs) != test.want {
				t.Errorf("lines %q", w.cdrs)
			}
		})
	}
}
