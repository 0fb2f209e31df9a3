package radacct

import (
	"os"
	"strings"
	"testing"

	"tollgate/acctstack"
	"tollgate/acctstack/stacktest"
	"tollgate/config"
)

func TestSectionMistakes(t *testing.T) {
	for _, test := range []struct {
		name, lines string
		want        []string
	}{
		{"no server", "SharedSecret=s3cret\n", []string{"Servers is empty"}},
		{"no secret", "Servers=h\n", []string{"server 1 of the list: h has no secret"}},
		{"several", "Servers=h:x;:1\n", []string{"server 1 of the list: h: the authentication port", "server 2 of the list: it does not begin"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := Factory().New(stacktest.Env(t, Factory()), stacktest.Section(t, Factory(), test.lines))
			problems, ok := err.(config.Problems)
			if !ok || len(problems) != len(test.want) {
				t.Fatalf("problems %v", err)
			}
			for i, want := range test.want {
				if !strings.Contains(problems[i].Text, want) || problems[i].File != "test.ini" {
					t.Errorf("problem %q, want %q", problems[i], want)
				}
			}
		})
	}
}

func TestValuesThatTheKeysRefuse(t *testing.T) {
	for _, line := range []string{
		"LocalInterface=eth0", "RadiusPortRange=0-1", "TimestampFormat=%!", "RequestRetransmissions=0", "RequestTimeout=1",
		"RequestWindow=257", "DefaultAcctPort=0", "IdCacheTimeout=-1",
	} {
		file, err := config.Parse("test.ini", []byte("[RadAcct]\n"+line+"\n"))
		if err != nil {
			t.Fatal(err)
		}
		if (config.Schema{stacktest.Declaration(Factory())}).Check(file, false).Err() == nil {
			t.Errorf("%s was accepted", line)
		}
	}
}

func TestSecretsAreNotTold(t *testing.T) {
	lines := "Servers=h:hush1hush1\nSharedSecret=hush2hush2\n"
	_, err := Factory().New(stacktest.Env(t, Factory()), stacktest.Section(t, Factory(), lines))
	if err == nil || strings.Contains(err.Error(), "hush") {
		t.Errorf("error %v", err)
	}
}

func TestEventWithoutRecordIsPermanent(t *testing.T) {
	module := stacktest.Open(t, Factory(), "Servers=127.0.0.1:1:1:s3cret\n")
	ev := stacktest.Event(acctstack.Stop, 1)
	ev.Record = nil
	if err := module.Store(t.Context(), ev); !acctstack.IsPermanent(err) {
		t.Errorf("error %v", err)
	}
}

// The examples of the README are complete sections that the module accepts.
func TestReadmeExamples(t *testing.T) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	from := 0
	for _, heading := range []string{"# RadAcct", "## Name", "## Description", "## Syntax", "## Events", "## Failure behaviour", "## Examples"} {
		at := strings.Index(string(text)[from:], heading+"\n")
		if at < 0 {
			t.Fatalf("the heading %q is missing or out of order", heading)
		}
		from += at
	}
	n := 0
	for block := range strings.SplitSeq(string(text)[from:], "```ini\n") {
		_, lines, found := strings.Cut(block, "[RadAcct]\n")
		if !found {
			continue
		}
		lines, _, _ = strings.Cut(lines, "```")
		lines, _, _ = strings.Cut(lines, "\n[")
		if _, err := Factory().New(stacktest.Env(t, Factory()), stacktest.Section(t, Factory(), lines)); err != nil {
			t.Errorf("%v:\n%s", err, lines)
		}
		n++
	}
	if n != 2 {
		t.Errorf("%d examples were tried", n)
	}
	for _, key := range keys() {
		if !strings.Contains(string(text), "**"+key.Name+"**") {
			t.Errorf("the key %s is not explained", key.Name)
		}
	}
}
