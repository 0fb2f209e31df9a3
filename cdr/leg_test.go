package cdr

import (
	"testing"
	"time"
)

// Events that are under way keep the legs that they were born with.
func TestLegsOfFormerEventsStay(t *testing.T) {
	r := &Record{}
	first := r.AddLeg(Leg{URI: "sip:a@192.0.2.1"})
	event := *r
	r.EndLeg(first, 503, time.Second)
	r.AddLeg(Leg{URI: "sip:a@192.0.2.2"})
	r.EndLeg(first, 200, 2*time.Second) // only the first end counts
	r.EndLeg(7, 200, time.Second)
	if len(event.Legs) != 1 || event.Legs[0].Status != 0 {
		t.Errorf("the event has %+v", event.Legs)
	}
	if len(r.Legs) != 2 || r.Legs[0].Status != 503 || r.Legs[0].Ended != time.Second {
		t.Errorf("the record has %+v", r.Legs)
	}
}
