package sip

import (
	"encoding/hex"
	"os"
	"slices"
	"strings"
	"testing"

	"tollgate/cdr"
	"tollgate/gatekeeper"
)

// goldenChain reads a call's chain as a journal has kept it: its id, then its records, in hexadecimal digits.
func goldenChain(t *testing.T, name string) *gatekeeper.Saved {
	t.Helper()
	text, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	var chain [][]byte
	for _, line := range strings.Fields(string(text)) {
		record, err := hex.DecodeString(line)
		if err != nil {
			t.Fatal(err)
		}
		chain = append(chain, record)
	}
	saved, err := gatekeeper.ReadCall(cdr.UUID(chain[0]), chain[1:], "another boot")
	if err != nil {
		t.Fatal(err)
	}
	return saved
}

// What earlier versions have written is read for ever: an update of the program loses no call.
func TestChainsOfFormerVersions(t *testing.T) {
	t.Run("answered", func(t *testing.T) {
		saved := goldenChain(t, "chain-1-answered.hex")
		var c savedCall
		if err := c.read(saved.Lines); err != nil {
			t.Fatal(err)
		}
		sess := c.dialog
		if sess == nil || sess.callID != "golden" || sess.cseq != 1 || sess.caller.tag != "tag-alice" || sess.callee.tag != "tag-bob" || len(sess.others) != 0 {
			t.Fatalf("%+v", sess)
		}
		if !strings.HasPrefix(sess.callee.contact, "sip:new@127.0.0.1:") || sess.answer.branch == 0 || sess.callee.sent.last != 1 || !saved.Answered() {
			t.Errorf("%+v", sess.dialog)
		}
	})
	t.Run("at the second target", func(t *testing.T) {
		saved := goldenChain(t, "chain-1-second.hex")
		var c savedCall
		if err := c.read(saved.Lines); err != nil {
			t.Fatal(err)
		}
		if len(c.steps) != 2 || len(c.attempts) != 1 || !slices.Equal(c.attempts[0].step, c.steps[1]) || c.branch == 0 || c.dialog != nil {
			t.Fatalf("%+v", c)
		}
		if want := "sip:4930123@" + c.steps[0][0].addr.String(); c.steps[0][0].uri != want {
			t.Errorf("the first target is %s, want %s", c.steps[0][0].uri, want)
		}
	})
}
