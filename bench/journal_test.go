package main

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestPhones has the caller call the callee without a gatekeeper between them.
func TestPhones(t *testing.T) {
	const calls = 2*window + 10
	p, err := newPhones(calls)
	if err != nil {
		t.Fatal(err)
	}
	p.serve(netip.MustParseAddrPort(p.calleeAddr))
	defer p.close()
	if err := p.dial(t.Context()); err != nil {
		t.Fatal(err)
	}
	for n, d := range p.dialogs {
		if d.target != "sip:"+p.calleeAddr || !strings.HasSuffix(d.to, ";tag=b") {
			t.Fatalf("call %d: %+v", n, d)
		}
	}
	if err := errors.Join(p.bye(t.Context(), 0, byeEvery), p.hangUp(t.Context(), 1)); err != nil {
		t.Error(err)
	}
}

func TestMessage(t *testing.T) {
	answer := parseMessage([]byte("SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP a\r\nRecord-Route: <sip:far;lr>\r\nRecord-Route: <sip:near;lr>\r\n" +
		"To: <sip:b@x>;tag=1\r\nCall-ID: 17@bench\r\nCSeq: 1 INVITE\r\nContact: <sip:callee>\r\n\r\nTo: body"))
	if answer.status != 200 || answer.call != 17 || answer.method != "INVITE" {
		t.Errorf("%+v", answer)
	}
	want := dialog{target: "sip:callee", routes: "Route: <sip:near;lr>\r\nRoute: <sip:far;lr>\r\n", to: "<sip:b@x>;tag=1"}
	if got := answer.dialog(); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	request := parseMessage([]byte("BYE sip:b SIP/2.0\r\nVia: SIP/2.0/UDP a\r\nFrom: f\r\nTo: t\r\nCall-ID: x\r\nCSeq: 2 BYE\r\nMax-Forwards: 1\r\n\r\n"))
	if request.status != 0 || request.call != -1 {
		t.Errorf("%+v", request)
	}
	const ok = "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP a\r\nFrom: f\r\nTo: t;tag=b\r\nCall-ID: x\r\nCSeq: 2 BYE\r\nContact: <sip:own>\r\nContent-Length: 0\r\n\r\n"
	if got := request.ok("own"); got != ok {
		t.Errorf("%q", got)
	}
}

func TestCountCalls(t *testing.T) {
	file := filepath.Join(t.TempDir(), "messages")
	text := "x CALL|Stop|s1|c1|alice\nx CALL|Stop|s2|c2|alice\nx CALL|Stop|s1|c1|alice\nx CALL|Start|s3|c3|\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if calls, lines, err := countCalls(file, recordStop); calls != 2 || lines != 3 || err != nil {
		t.Errorf("%d calls, %d lines, %v", calls, lines, err)
	}
}

// TestCommit makes a short run of both sides.
func TestCommit(t *testing.T) {
	r, err := commitOnce(t.Context(), 50*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	if r.Group <= 0 || r.Bare <= 0 || r.GroupSyncs <= 0 || r.BareSyncs <= 0 || r.BytesPerSync < commitRecord {
		t.Errorf("%+v", r)
	}
}

func TestOptions(t *testing.T) {
	if o, _, err := parseOptions([]string{"-parts", "journal,commit"}, os.Stderr); err != nil || !o.has("commit") || o.has("cpu") {
		t.Errorf("%+v, %v", o, err)
	}
	for _, bad := range []string{"-parts=journals", "-sync=sometimes", "-calls=1", "-rounds=0", "-seconds=0", "extra"} {
		if _, _, err := parseOptions([]string{bad}, os.Stderr); err == nil {
			t.Errorf("no error for %s", bad)
		}
	}
}
