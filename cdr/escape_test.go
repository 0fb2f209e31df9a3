package cdr

import (
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestEscape(t *testing.T) {
	tests := []struct{ name, raw, line, quoted string }{
		{"plain", "sip:alice@example.org", "sip:alice@example.org", "sip:alice@example.org"},
		{"letters of other scripts", "Zoë 日本", "Zoë 日本", "Zoë 日本"},
		{"separators", "a|b;c=d,e", "a%7Cb%3Bc=d,e", "a%7Cb%3Bc=d,e"},
		{"the escape itself", "100%", "100%25", "100%25"},
		{"looks escaped", "%0A", "%250A", "%250A"},
		{"line ends", "a\r\nCDR|1", "a%0D%0ACDR%7C1", "a%0D%0ACDR%7C1"},
		{"NUL, escape, DEL", "\x00\x1b\x7f", "%00%1B%7F", "%00%1B%7F"},
		{"quotes", `"a\"`, `"a\"`, "%22a%5C%22"},
		{"control characters beyond ASCII", "a\u0085b\u009bc", "a%C2%85b%C2%9Bc", "a%C2%85b%C2%9Bc"},
		{"Unicode's line ends", "a\u2028b\u2029", "a%E2%80%A8b%E2%80%A9", "a%E2%80%A8b%E2%80%A9"},
		{"no UTF-8", "a\xffb\xc3", "a%FFb%C3", "a%FFb%C3"},
		{"the replacement character", "\ufffd", "\ufffd", "\ufffd"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			for e, want := range map[Escaping]string{Raw: test.raw, Line: test.line, Quoted: test.quoted} {
				if got := string(escapeTail([]byte("|"+test.raw), 1, e, 0)); got != "|"+want {
					t.Errorf("form %d: %q, want |%q", e, got, want)
				}
			}
		})
	}
}

// hostile makes values of the bytes that matter, and any others.
func hostile() *rapid.Generator[string] {
	parts := rapid.SampledFrom([]string{
		"|", ";", "\r", "\n", "\r\n", "\x00", "%", "%d", "%{g}", "%0A", `"`, `\`, "=", ":", ",", " ", "\x7f", "\u0085", "\u2028",
		"\xff", "\xc3", "alice", "é", "CDR|1|", "unconnected", ";\nCDR|2",
	})
	return rapid.OneOf(
		rapid.Map(rapid.SliceOfN(parts, 0, 6), func(p []string) string { return strings.Join(p, "") }),
		rapid.Map(rapid.SliceOfN(rapid.Byte(), 0, 12), func(b []byte) string { return string(b) }),
	)
}

func hostileAliases() *rapid.Generator[[]Alias] {
	alias := rapid.Map(hostile(), func(s string) Alias { return Alias{Value: s, Type: URLID} })
	return rapid.SliceOfN(alias, 0, 3)
}

func hostileSource(t *rapid.T) Source {
	text := func(label string) string { return hostile().Draw(t, label) }
	call := exampleCall()
	call.SIPCallID, call.SessionID = text("Call-ID"), text("session")
	call.User, call.CallingStation, call.CalledStation, call.Dialed = text("user"), text("calling"), text("called"), text("dialed")
	call.Caller.Vendor, call.Callee.Vendor = text("vendor"), text("server")
	call.Caller.EndpointID, call.Callee.EndpointID = text("caller epid"), text("callee epid")
	call.Caller.Audio.Codec, call.Callee.Video.Codec = text("audio"), text("video")
	call.Caller.Address = netip.AddrPortFrom(netip.MustParseAddr("fe80::1").WithZone(text("zone")), 5060)
	call.Src, call.Dest = hostileAliases().Draw(t, "src"), hostileAliases().Draw(t, "dest")
	stamp := exampleStamp()
	stamp.Name = text("name")
	endpoint := exampleEndpoint()
	endpoint.User, endpoint.ID, endpoint.Vendor = text("endpoint user"), text("endpoint id"), text("endpoint vendor")
	endpoint.Aliases = hostileAliases().Draw(t, "aliases")
	return Source{Stamp: stamp, Call: call, Endpoint: endpoint}
}

func TestEscapeIsReversible(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		raw := hostile().Draw(t, "raw")
		for _, e := range []Escaping{Line, Quoted} {
			escaped := string(escapeTail([]byte(raw), 0, e, '='))
			checkHarmless(t, escaped)
			if strings.ContainsAny(escaped, "|;=") || e == Quoted && strings.ContainsAny(escaped, `"\`) {
				t.Fatalf("form %d: %q became %q", e, raw, escaped)
			}
			if back, err := url.PathUnescape(escaped); err != nil || back != raw {
				t.Fatalf("form %d: %q became %q, and back %q, %v", e, raw, escaped, back, err)
			}
		}
	})
}

func checkHarmless(t rapid.TB, text string) {
	t.Helper()
	if !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl) || strings.ContainsAny(text, "\u2028\u2029") {
		t.Fatalf("%q is not one line of printable UTF-8", text)
	}
}

func TestLineCannotBeForged(t *testing.T) {
	times := mustTimes(t, "RFC822")
	rapid.Check(t, func(t *rapid.T) {
		src := hostileSource(t)
		for _, e := range []Escaping{Line, Quoted} {
			text := string(AppendLine(nil, src, times, e))
			checkHarmless(t, text)
			if !strings.HasPrefix(text, "CDR|") || strings.Count(text, "|") != 12 || strings.Count(text, ";") != 1 || !strings.HasSuffix(text, ";") {
				t.Fatalf("not 13 fields: %q", text)
			}
			fields := strings.Split(strings.TrimSuffix(text, ";"), "|")
			if e == Quoted {
				fields[10], fields[11] = strings.Trim(fields[10], `"`), strings.Trim(fields[11], `"`)
			}
			checkAliases(t, fields[10], src.Call.Dest)
			checkAliases(t, fields[11], src.Call.Src)
		}
	})
}

// checkAliases reads a list as a consumer would and compares.
func checkAliases(t rapid.TB, list string, aliases []Alias) {
	t.Helper()
	var parts []string
	if list != "" {
		parts = strings.Split(list, "=")
	}
	if len(parts) != len(aliases) {
		t.Fatalf("%q has %d aliases, want %d", list, len(parts), len(aliases))
	}
	for i, part := range parts {
		end := strings.LastIndexByte(part, ':')
		value, err := url.PathUnescape(part[:end])
		if err != nil || value != aliases[i].Value || part[end+1:] != string(aliases[i].Type) {
			t.Fatalf("alias %d of %q is %q, want %q", i, list, value, aliases[i])
		}
	}
}

func TestTemplateCannotBeForged(t *testing.T) {
	for _, s := range scopes {
		t.Run(s.name, func(t *testing.T) {
			names := Names(s.scope)
			text := "%{" + strings.Join(names, "}|%{") + "}"
			times := mustTimes(t, "Cisco")
			line := Compile(text, s.scope, Format{Times: times, Escaping: Line})
			quoted := Compile(text, s.scope, Format{Times: times, Escaping: Quoted})
			pattern := regexp.MustCompile(fmt.Sprintf(`^"[^"]*"(\|"[^"]*"){%d}$`, len(names)-1))
			rapid.Check(t, func(t *rapid.T) {
				src := hostileSource(t)
				got := string(line.Append(nil, src))
				checkHarmless(t, got)
				if n := strings.Count(got, "|"); n != len(names)-1 || strings.Contains(got, ";") {
					t.Fatalf("%d separators, want %d: %q", n, len(names)-1, got)
				}
				if got := string(quoted.Append(nil, src)); !pattern.MatchString(got) {
					t.Fatalf("not every value is in its quotes: %q", got)
				}
			})
		})
	}
}

func TestAliasListSeparators(t *testing.T) {
	src := Source{Endpoint: &Endpoint{Aliases: []Alias{{"a,b=c", URLID}, {"d;e", H323ID}}}}
	f, _ := Lookup("aliases", EndpointScope)
	for e, want := range map[Escaping]string{Raw: "a,b=c,d;e", Line: "a%2Cb=c,d%3Be", Quoted: `"a%2Cb=c,d%3Be"`} {
		if got := string(f.Append(nil, src, Format{Escaping: e})); got != want {
			t.Errorf("form %d: %q, want %q", e, got, want)
		}
	}
	for e, want := range map[Escaping]string{Raw: "a,b=c:url_ID=d;e:h323_ID", Line: "a,b%3Dc:url_ID=d%3Be:h323_ID"} {
		if got := string(AppendAliases(nil, src.Endpoint.Aliases, e)); got != want {
			t.Errorf("form %d: %q, want %q", e, got, want)
		}
	}
}
