package radius

import (
	"strings"
	"testing"
)

var serverDefaults = Server{AuthPort: 1812, AcctPort: 1813, Secret: "shared secret"}

func TestParseServers(t *testing.T) {
	for _, test := range []struct {
		name, text string
		want       []Server
	}{
		{"empty", "", nil},
		{"only separators", " ; , ", nil},
		{"host", "radius1", []Server{{"radius1", 1812, 1813, "shared secret"}}},
		{"all parts", "10.0.0.1:1645:1646:own", []Server{{"10.0.0.1", 1645, 1646, "own"}}},
		{"authentication port only", "h:1645", []Server{{"h", 1645, 1813, "shared secret"}}},
		{"ports empty or 0", "h::0", []Server{{"h", 1812, 1813, "shared secret"}}},
		{"empty secret", "h:1:2:", []Server{{"h", 1, 2, "shared secret"}}},
		{"secret with colons and brackets", "h:1:2:a:b]c", []Server{{"h", 1, 2, "a:b]c"}}},
		{"IPv6", "[2001:db8::1]:1:2:s [::1]", []Server{{"2001:db8::1", 1, 2, "s"}, {"::1", 1812, 1813, "shared secret"}}},
		{"separators", "a; b,c  d;", []Server{{"a", 1812, 1813, "shared secret"}, {"b", 1812, 1813, "shared secret"},
			{"c", 1812, 1813, "shared secret"}, {"d", 1812, 1813, "shared secret"}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := ParseServers(test.text, serverDefaults)
			if err != nil || len(got) != len(test.want) {
				t.Fatalf("got %d servers, error %v", len(got), err)
			}
			for i := range got {
				if got[i] != test.want[i] {
					t.Errorf("server %d: %s, ports %d %d, secret %q", i+1, got[i].Host, got[i].AuthPort, got[i].AcctPort, got[i].Secret.Reveal())
				}
			}
		})
	}
}

func TestParseServersTellsAllMistakesAndNoSecret(t *testing.T) {
	_, err := ParseServers("h:hush1; h:1:hush2, ::1 [::1 [1.2.3.4] [::1]x 1.2.3 h/x h:70000", serverDefaults)
	if err == nil {
		t.Fatal("no error")
	}
	lines := strings.Split(err.Error(), "\n")
	if len(lines) != 9 {
		t.Errorf("%d mistakes:\n%v", len(lines), err)
	}
	if strings.Contains(err.Error(), "hush") {
		t.Errorf("the error tells a secret: %v", err)
	}
	if _, err := ParseServers("h", Server{AcctPort: 1813}); err == nil || err.Error() != "server 1 of the list: h has no secret" {
		t.Errorf("without a secret: %v", err)
	}
}

func TestParsePortRange(t *testing.T) {
	for text, want := range map[string]PortRange{
		"1024-65535": {}, "65535-1024": {}, "30000-30010": {30000, 30010}, "30010 - 30000": {30000, 30010}, "5000": {5000, 5000},
	} {
		if got, err := ParsePortRange(text); err != nil || got != want {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "-", "0-10", "1-70000", "a-b", "1-2-3"} {
		if got, err := ParsePortRange(text); err == nil {
			t.Errorf("%q: %v", text, got)
		}
	}
}

func FuzzParseServers(f *testing.F) {
	for _, seed := range []string{"h:1:2:s;[::1]:1:2:s", "[", "]:[", "a:::", ";;,,", "[::1%eth0]:1", "1.2.3.4:65536"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		servers, err := ParseServers(text, serverDefaults)
		if err != nil {
			return
		}
		for _, s := range servers {
			if s.Host == "" || s.AcctPort == 0 || s.AuthPort == 0 || s.Secret == "" {
				t.Errorf("%q gives %+v", text, s)
			}
			again, err := ParseServers("["+s.Host+"]", serverDefaults)
			if strings.Contains(s.Host, ":") && (err != nil || again[0].Host != s.Host) {
				t.Errorf("%q: host %q does not parse again: %v", text, s.Host, err)
			}
		}
	})
}
