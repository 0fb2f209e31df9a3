package acctstack

import (
	"strings"
	"testing"

	"go.uber.org/zap"
)

// A lossy rule fails and counts as ok: the walk takes the course of a success, and the verdict knows that nobody has
// the event.
func TestLossyRule(t *testing.T) {
	for _, control := range []Control{Required, Optional, Sufficient, Alternative} {
		rules := []Rule{{Name: "A", Control: control, Kinds: allKinds, Lossy: true}, {Name: "B", Control: Required, Kinds: allKinds}}
		var lossy, stored Walk
		lossy.Begin(rules, Stop)
		stored.Begin(rules, Stop)
		lossy.Next()
		stored.Next()
		lossy.Answer(Fail, errTimeout)
		stored.Answer(OK, nil)
		_, more := lossy.Next()
		if _, want := stored.Next(); more != want {
			t.Errorf("%s: the next one is asked: %t, want %t", control, more, want)
		}
		v := lossy.Verdict()
		if !v.OK || v.Stored() || !v.Asked() {
			t.Errorf("%s: ok %t, stored %t, asked %t", control, v.OK, v.Stored(), v.Asked())
		}
		if reason := v.Steps[0].Reason(&rules[0], !more); !strings.HasPrefix(reason, "not stored, which Realtime=GRANT_AND_LOSE counts as ok: "+control.String()+" succeeded") {
			t.Errorf("%s: %s", control, reason)
		}
	}
}

// An event that waits for its turn walks the stack of its birth, which stays open for it.
func TestHeldStack(t *testing.T) {
	old, next := three(t), three(t)
	c := NewCurrent(old, zap.NewNop())
	submit := c.Hold()
	c.Swap(next)
	done := make(verdicts, 1)
	submit(&Event{Kind: Stop}, done)
	<-done
	if got := old.instances[0].stored.Load(); got != 1 {
		t.Errorf("the stack of before the swap has stored %d events", got)
	}
	if err := c.Close(t.Context()); err != nil {
		t.Error(err)
	}
}
