package statusport

import (
	"io"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"tollgate/config"
)

func TestAuth(t *testing.T) {
	const lan = "10.0.0.0/8=allow\n10.1.0.0/16=forbid\n10.1.2.3=allow\n2001:db8::/32=1\n"
	tests := []struct {
		name, section string
		allowed       []string
		refused       []string
	}{
		{"no section: loopback", "", []string{"127.0.0.1", "::1", "::ffff:127.0.0.1"}, []string{"127.0.0.2", "10.0.0.1", "fe80::1"}},
		{"explicit without addresses: loopback", "rule=explicit", []string{"127.0.0.1", "::1"}, []string{"10.0.0.1"}},
		{"with addresses loopback has no privilege", "10.0.0.1=allow", []string{"10.0.0.1"}, []string{"127.0.0.1", "10.0.0.2"}},
		{"the smallest network decides", lan, []string{"10.2.0.1", "10.1.2.3", "2001:db8::1", "::ffff:10.1.2.3"},
			[]string{"10.1.0.1", "11.0.0.1", "2001:db9::1"}},
		{"order in the file does not matter", "10.1.2.3=allow\n10.1.0.0/16=forbid\n10.0.0.0/8=allow",
			[]string{"10.2.0.1", "10.1.2.3"}, []string{"10.1.0.1"}},
		{"default", "default=1\n10.0.0.1=forbid", []string{"10.0.0.2", "::1"}, []string{"10.0.0.1"}},
		{"allow", "rule=allow\n10.0.0.1=forbid", []string{"10.0.0.1", "192.0.2.1"}, nil},
		{"forbid", "rule = Forbid\n10.0.0.1=allow", nil, []string{"10.0.0.1", "127.0.0.1"}},
		{"or", "rule=forbid|explicit\n10.0.0.1=allow", []string{"10.0.0.1"}, []string{"10.0.0.2"}},
		{"and", "rule=allow & explicit\n10.0.0.1=allow", []string{"10.0.0.1"}, []string{"10.0.0.2"}},
		// From left to right without precedence: a & (b | c), and a | (b & c).
		{"forbid & allow | allow", "rule=forbid & allow | allow", nil, []string{"10.0.0.1"}},
		{"allow | allow & forbid", "rule=allow | allow & forbid", []string{"10.0.0.1"}, nil},
		{"allow & forbid | explicit", "rule=allow & forbid | explicit\n10.0.0.1=allow", []string{"10.0.0.1"}, []string{"10.0.0.2"}},
		{"a zone is not looked at", "fe80::1=allow", []string{"fe80::1%eth0"}, []string{"fe80::2%eth0"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			auth, problems := parseAuthText(t, tt.section)
			if len(problems) > 0 {
				t.Fatal(problems)
			}
			for _, a := range tt.allowed {
				if !auth.Allows(netip.MustParseAddr(a)) {
					t.Errorf("%s is refused", a)
				}
			}
			for _, a := range tt.refused {
				if auth.Allows(netip.MustParseAddr(a)) {
					t.Errorf("%s is allowed", a)
				}
			}
		})
	}
}

func TestAuthProblems(t *testing.T) {
	tests := []struct{ name, section, want string }{
		{"password", "rule=password", `test.ini:2: rule=password is not supported yet; use allow, forbid or explicit`},
		{"regex in a chain", "rule=explicit | Regex", `test.ini:2: rule=regex is not supported yet; use allow, forbid or explicit`},
		{"unknown rule", "rule=explict", `test.ini:2: "explict" is no rule; there are allow, forbid and explicit, joined by | and &`},
		{"empty rule", "rule=allow|", `test.ini:2: "" is no rule; there are allow, forbid and explicit, joined by | and &`},
		{"user", "jan=PBKDF2:0011", `test.ini:2: jan: neither a key of this section nor an address or network (users with passwords are not supported yet)`},
		{"neither allow nor forbid", "10.0.0.1=perhaps", `test.ini:2: 10.0.0.1: the value is neither allow nor forbid`},
		{"empty value", "10.0.0.1=", `test.ini:2: 10.0.0.1: the value is neither allow nor forbid`},
		{"host bits", "10.0.0.1/8=allow", `test.ini:2: 10.0.0.1/8: the address has bits outside of the network; write 10.0.0.0/8`},
		{"same address twice", "::1=allow\n0:0::1=forbid", `test.ini:3: 0:0::1: the same address stands in the section already`},
		{"keys without effect", "DelayReject=5", `test.ini:2: warning: key "DelayReject" in [GkStatus::Auth] has no effect here: only used with rule=password, which is not supported yet`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, problems := parseAuthText(t, tt.section)
			if len(problems) != 1 || problems[0].String() != tt.want {
				t.Errorf("got %v\nwant %s", problems, tt.want)
			}
		})
	}
}

func TestDeclarations(t *testing.T) {
	schema := config.Schema{
		AuthDecl(),
		{Name: "Gatekeeper::Main", Doc: "Test.", Keys: MainKeys(), Foreign: MainForeign()},
	}
	if err := append(schema, ForeignDecls()...).Verify(); err != nil {
		t.Error(err)
	}
	f, err := config.Parse("test.ini", []byte("[Gatekeeper::Main]\nMaxStatusClients=3\nMaxSocketQueue=2\nStatusTraceLevel=1\n"))
	if err != nil {
		t.Fatal(err)
	}
	if problems := schema.Check(f, false); len(problems) > 0 {
		t.Fatal(problems)
	}
	got, problems := ParseSettings(schema.Section(f, "Gatekeeper::Main"), schema.Section(f, AuthSection))
	if len(problems) > 0 || got.Auth == nil || !got.Auth.Shutdown {
		t.Errorf("auth %+v, problems %v", got.Auth, problems)
	}
	if got.MaxClients != 3 || got.TraceLevel != 1 || got.MaxQueue != 32<<10 {
		t.Errorf("got %+v", got)
	}
}

// The configuration that the README shows is legal.
func TestReadmeExample(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, example, _ := strings.Cut(string(readme), "```ini\n")
	example, _, found := strings.Cut(example, "```")
	if !found {
		t.Fatal("no ini block")
	}
	f, err := config.Parse("README.md", []byte(example))
	if err != nil {
		t.Fatal(err)
	}
	schema := config.Schema{AuthDecl(), {Name: "Gatekeeper::Main", Keys: MainKeys()}}
	if problems := schema.Check(f, true); len(problems) > 0 {
		t.Error(problems)
	}
	settings, problems := ParseSettings(schema.Section(f, "Gatekeeper::Main"), schema.Section(f, AuthSection))
	if len(problems) > 0 {
		t.Error(problems)
	}
	for addr, want := range map[string]bool{"127.0.0.1": true, "10.0.0.98": true, "10.0.0.99": false, "192.0.2.1": false} {
		if got := settings.Auth.Allows(netip.MustParseAddr(addr)); got != want {
			t.Errorf("%s allowed: %v, want %v", addr, got, want)
		}
	}
}

func TestRefusedClient(t *testing.T) {
	s := start(t, &gatekeeperDouble{}, func(_ *Server, set *Settings) {
		set.Auth, _ = parseAuthText(t, "rule=forbid")
	})
	u := dial(t, s)
	got, err := io.ReadAll(u.r)
	if err != nil || string(got) != "\xff\xfd\x03\xff\xfb\x05\xff\xfe\x01\r\nAccess forbidden!\r\n" {
		t.Errorf("got %q, %v", got, err)
	}
	if s.clientCount() != 0 {
		t.Error("the refused client is known")
	}
}

func TestShutdownCommand(t *testing.T) {
	g := &gatekeeperDouble{}
	s := start(t, g, func(_ *Server, set *Settings) { set.Auth, _ = parseAuthText(t, "Shutdown=forbid") })
	u := connect(t, s)
	u.send("shutdown\r\n")
	u.expect("Shutdown not allowed!")
	if g.stopped() != 0 {
		t.Error("the program was stopped all the same")
	}

	settings := *s.settings.Load()
	settings.Auth, _ = parseAuthText(t, "")
	s.Reconfigure(settings)
	g.locked(func() {
		g.onShutdown = func() { // the end of the program may be quicker than the reply
			for _, c := range *s.clients.Load() {
				c.dismiss(time.Now().Add(patience))
			}
		}
	})
	u.send("shutdown\r\n")
	u.expect("-- Endpoint Statistics --")
	for u.line() != ";" {
	}
	u.expectEnd()
	if n := g.stopped(); n != 1 {
		t.Errorf("stopped %d times", n)
	}
}

func TestReloadProblems(t *testing.T) {
	g := &gatekeeperDouble{}
	s := start(t, g, nil)
	g.locked(func() {
		g.onReload = func() { // what the program does: new settings come into force while the command runs
			settings := *s.settings.Load()
			settings.MaxClients = 2
			s.Reconfigure(settings)
		}
	})
	asking, other := connect(t, s), connect(t, s)

	problems := config.Problems{
		{File: "a.ini", Line: 3, Text: "unknown key \"X\x1b[2J\""},
		{File: "a.ini", Line: 9, Text: "odd", Warning: true},
	}
	g.locked(func() { g.problems = problems })
	asking.send("reload\r\n")
	asking.expect("Error: Config not reloaded, the old one stays in force", `a.ini:3: unknown key "X%1B[2J"`, "a.ini:9: warning: odd", ";")

	g.locked(func() { g.problems = problems[1:] })
	asking.send("reload\r\n")
	asking.expect("Full Config reloaded.", "a.ini:9: warning: odd", ";")
	other.expect("Full Config reloaded.") // and nothing of the first try

	if got, _ := io.ReadAll(dial(t, s).r); !strings.HasSuffix(string(got), refusal) {
		t.Errorf("a third client got %q after MaxStatusClients became 2", got)
	}
}
