package sip

import "testing"

// The rows of RFC 3398 8.2.6.1, in its order; 0 is where it gives no cause. RFC 4497 has the same for QSIG.
func TestCausesAreThoseOfRFC3398(t *testing.T) {
	rows := []struct{ status, cause int }{
		{400, 41}, {401, 21}, {402, 21}, {403, 21}, {404, 1}, {405, 63}, {406, 79}, {407, 21}, {408, 102}, {410, 22},
		{413, 127}, {414, 127}, {415, 79}, {416, 127}, {420, 127}, {421, 127}, {423, 127},
		{480, 18}, {481, 41}, {482, 25}, {483, 25}, {484, 28}, {485, 1}, {486, 17}, {487, 0}, {488, 0},
		{500, 41}, {501, 79}, {502, 38}, {503, 41}, {504, 102}, {505, 127}, {513, 127},
		{600, 17}, {603, 21}, {604, 1}, {606, 0},
	}
	for _, row := range rows {
		if got := causeOf(row.status); row.cause != 0 && got != row.cause || got < 1 || got > 127 {
			t.Errorf("%d has cause %d, want %d", row.status, got, row.cause)
		}
	}
	known := map[int]bool{491: true} // RFC 3261 14.1, behind RFC 3398
	for _, row := range rows {
		known[row.status] = true
	}
	for status := range causes {
		if !known[status] {
			t.Errorf("%d is no row", status)
		}
	}
}

func TestCauseInReason(t *testing.T) {
	tests := []struct {
		reasons string
		want    int
	}{
		{"", 99},
		{"Reason: Q.850;cause=31\r\n", 31},
		{"Reason: SIP;cause=486;text=\"Busy, here\"\r\n", 17},
		{"Reason: sip ; CAUSE = 600\r\n", 17},
		{"Reason: SIP;cause=486, Q.850;cause=19\r\n", 19},
		{"Reason: Q.850;cause=19, SIP;cause=486\r\n", 19},
		{"Reason: SIP;cause=480\r\nReason: Q.850;cause=20\r\n", 20},
		{"Reason: SIP;cause=200;text=\"Call completed elsewhere\"\r\n", 99},
		{"Reason: SIP;cause=700\r\n", 99},
		{"Reason: SIP;cause=599\r\n", 127},
		{"Reason: Q.850;cause=128\r\n", 99},
		{"Reason: Q.850;cause=0, SIP;cause=404\r\n", 1},
		{"Reason: SIP\r\n", 99},
		{"Reason: preemption;cause=1\r\n", 99},
		{"Reason: Q.850;text=\"a, SIP;cause=486\"\r\n", 99},
	}
	for _, test := range tests {
		var m message
		if err := m.parse([]byte("BYE sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP a;branch=z9hG4bKx\r\nFrom: <sip:a>;tag=1\r\nTo: <sip:b>;tag=2\r\nCall-ID: c\r\nCSeq: 1 BYE\r\n" + test.reasons + "\r\n")); err != nil {
			t.Fatal(err)
		}
		if got := causeIn(&m, 99); got != test.want {
			t.Errorf("%q: %d, want %d", test.reasons, got, test.want)
		}
	}
}

// A BYE whose Reason has a SIP status only, from a gateway behind a busy line.
func TestByeWithASIPReason(t *testing.T) {
	r := newRig(t)
	_, callee := r.connect("reason")
	q := callee.request("BYE")
	q.extra = append(q.extra, "Reason: SIP;cause=504")
	r.callee.send(q)
	r.caller.answer(r.caller.expect("BYE"), "200 OK")
	r.callee.expect("200")
	r.books.settle()
	if stop := r.books.events[len(r.books.events)-1].Record; stop.Cause != 102 {
		t.Errorf("cause %d", stop.Cause)
	}
}
