package test

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"tollgate/gatekeeper/sip/blocklist"
	"tollgate/test/peer"
)

// forged is the host that hostile peers want to have banned.
const forged = "198.51.100.7"

// logged is one line of a log, and the host that is to be banned for it, "" for none.
type logged struct{ line, host string }

// TestFail2ban lets Debian's fail2ban read logs of all forms: it finds who is to be banned, and nobody else, whatever peers
// have written.
func TestFail2ban(t *testing.T) {
	t.Parallel()
	for _, form := range []string{"text", "json"} {
		lines := refusals(t, form)
		lines = append(lines, innocent(t, form)...)
		for name, wrap := range carriers() {
			t.Run(form+" "+name, func(t *testing.T) {
				var carried []logged
				for _, l := range lines {
					carried = append(carried, logged{wrap(l.line), l.host})
				}
				readByFail2ban(t, carried)
			})
		}
	}
}

// carriers are the ways in which a line of the log reaches fail2ban: as it is; behind what the journal or syslog put before it;
// without a time of its own.
func carriers() map[string]func(string) string {
	stamp := regexp.MustCompile(`^[0-9T:-]+Z\s+|"ts":"[^"]*",`)
	tabs := regexp.MustCompile(`^([0-9T:-]+Z) (\S+) (?:(sip|status) )?`)
	return map[string]func(string) string{
		"file":              func(line string) string { return line },
		"tabs":              func(line string) string { return tabs.ReplaceAllString(line, "$1\t$2\t$3\t") },
		"journal":           func(line string) string { return "gw1 tollgate[4711]: " + line },
		"journal, no time":  func(line string) string { return "gw1 tollgate[4711]: " + stamp.ReplaceAllString(line, "") },
		"syslog":            func(line string) string { return "Nov 25 01:02:03 gw1 tollgate[4711]: " + line },
		"syslog, ISO times": func(line string) string { return "2026-11-25T01:02:03.123456+01:00 gw1 tollgate[4711]: " + line },
	}
}

// refusals are lines of all sources, reasons and methods, each with all that a hostile peer could put into it.
func refusals(t *testing.T, form string) []logged {
	var lines []logged
	port := uint16(0)
	for _, source := range []string{"192.0.2.1", "2001:db8::1", "::ffff:192.0.2.2", "fe80::3%eth0", "2001:db8:1:2:3:4:5:6"} {
		addr := netip.MustParseAddr(source)
		for reason := blocklist.Untrusted; reason <= blocklist.Hops; reason++ {
			for i, text := range append(hostileTexts(), "") {
				port++
				method := []string{"INVITE", "REGISTER", text}[i%3]
				message := string(blocklist.Line(nil, netip.AddrPortFrom(addr, port), reason, method))
				var fields []zap.Field
				if text != "" {
					fields = append(fields, zap.String("user_agent", text), zap.ByteString("user", []byte(text)), zap.Strings("call", []string{text}))
				}
				l := logged{line: logLine(t, form, "sip", zap.InfoLevel, message, fields)}
				switch reason {
				case blocklist.Untrusted, blocklist.Malformed, blocklist.Blocked:
					l.host = addr.Unmap().WithZone("").String()
				}
				lines = append(lines, l)
			}
		}
	}
	return lines
}

// innocent are lines about something else, with the same texts, and the same message from another part of the program.
func innocent(t *testing.T, form string) []logged {
	var lines []logged
	message := "refused source=" + forged + " port=1 reason=untrusted method=INVITE"
	for _, text := range hostileTexts() {
		lines = append(lines,
			logged{line: logLine(t, form, "sip", zap.InfoLevel, "challenged", []zap.Field{zap.String("user_agent", text)})},
			logged{line: logLine(t, form, "sip", zap.DebugLevel, "sending a datagram", []zap.Field{zap.Error(fmt.Errorf("to %s", text))})},
			logged{line: logLine(t, form, "", zap.InfoLevel, "ready", []zap.Field{zap.String(text, text)})})
	}
	return append(lines, logged{line: logLine(t, form, "status", zap.InfoLevel, message, nil)}, logged{line: logLine(t, form, "", zap.InfoLevel, message, nil)})
}

// hostileTexts are what peers would write to have somebody else banned.
func hostileTexts() []string {
	line := "refused source=" + forged + " port=1 reason=untrusted method=INVITE"
	text, json := "2026-11-25T01:02:03Z INFO sip "+line, `{"level":"info","ts":"2026-11-25T01:02:03Z","logger":"sip","msg":"`+line+`"}`
	hostile := []string{"scanner/1.0", line, text, json, `"} ` + line, `"}` + json, `\"} ` + line, `","msg":"` + line + `"}`, "Nov 25 01:02:03 gw1 tollgate[1]: INFO sip " + line, text + " {", "x " + text + ` {"a": "`}
	for _, end := range []string{"\n", "\r\n", "\r", "\x00", "\u2028", "\u0085", "\x85", "\v", "\f", "\x1c", "\xff", "\x1b[2K", "\\n"} {
		hostile = append(hostile, "x"+end+line, "x"+end+text, "x"+end+json, `"}`+end+text, end+line+end)
	}
	return hostile
}

// logLine is a line as the program writes it.
func logLine(t *testing.T, form, name string, level zapcore.Level, message string, fields []zap.Field) string {
	t.Helper()
	at := time.Date(2026, 11, 25, 1, 2, 3, 0, time.UTC)
	return logLineAt(t, form, zapcore.Entry{Level: level, Time: at, LoggerName: name, Message: message}, fields)
}

func logLineAt(t *testing.T, form string, entry zapcore.Entry, fields []zap.Field) string {
	t.Helper()
	line, err := logEncoder(form).EncodeEntry(entry, fields)
	if err != nil {
		t.Fatal(err)
	}
	text := strings.TrimSuffix(line.String(), "\n")
	if strings.Contains(text, "\n") {
		t.Errorf("one entry is two lines: %q", text)
	}
	return text
}

// logEncoder is the encoder of tollgate run -log form; TestLogEncoder compares the two.
func logEncoder(form string) zapcore.Encoder {
	config := zap.NewProductionEncoderConfig()
	config.EncodeTime = zapcore.RFC3339TimeEncoder
	config.EncodeDuration = zapcore.StringDurationEncoder
	if form == "json" {
		return zapcore.NewJSONEncoder(config)
	}
	config.ConsoleSeparator = " "
	config.EncodeLevel = zapcore.CapitalLevelEncoder
	return zapcore.NewConsoleEncoder(config)
}

// TestLogEncoder: the program's own first line has the form of the lines that TestFail2ban makes.
func TestLogEncoder(t *testing.T) {
	t.Parallel()
	for _, form := range []string{"text", "json"} {
		t.Run(form, func(t *testing.T) {
			t.Parallel()
			g := newGatekeeper(t, "../etc/sample1.ini")
			g.save()
			g.release()
			p, err := peer.Start(g.dir, binary(), "run", "-log", form, "-c", "tollgate.ini")
			if err != nil {
				t.Fatal(err)
			}
			g.process = p
			ready := regexp.MustCompile(`(?m)^.*\bready\b.*"version": ?"([^"]*)".*$`)
			if err := p.WaitReady(context.Background(), func() bool { return ready.MatchString(p.Output()) }); err != nil {
				t.Fatal(err)
			}
			got := ready.FindStringSubmatch(p.Output())
			want := logLine(t, form, "", zap.InfoLevel, "ready", []zap.Field{zap.String("version", got[1])})
			if normal := normalTime(got[0]); !strings.HasPrefix(normal, strings.TrimSuffix(normalTime(want), "}")) {
				t.Errorf("the program writes\n%s\nand this test\n%s", got[0], want)
			}
		})
	}
}

// normalTime is a line with the same time in any zone.
func normalTime(line string) string {
	return regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d)`).ReplaceAllString(line, "TIME")
}

// readByFail2ban lets fail2ban-regex read the lines and compares what it finds.
func readByFail2ban(t *testing.T, lines []logged) {
	t.Helper()
	var text []string
	for _, l := range lines {
		text = append(text, l.line)
	}
	found := map[string]int{}
	for _, line := range fail2banRegex(t, text, "<ip> <matches>") {
		found[line]++
	}
	for _, l := range lines {
		if l.host == "" {
			continue
		}
		if key := l.host + " " + l.line; found[key] == 0 {
			t.Errorf("not found: %q", l.line)
		} else {
			found[key]--
		}
	}
	for line, n := range found {
		if n > 0 {
			t.Errorf("found %d times without cause: %q", n, line)
		}
	}
}

// fail2banRegex is what fail2ban-regex finds in the lines: of each finding a line of the form.
func fail2banRegex(t *testing.T, lines []string, form string) []string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "tollgate.log")
	if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, "fail2ban-regex", "--encoding", "UTF-8", "-o", form, path, fail2banFile(t, "filter.d")).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return strings.Split(strings.TrimSpace(string(out)), "\n")
}

// TestFail2banTime: the time of a refusal is that of its line, in the line's own zone.
func TestFail2banTime(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 25, 1, 2, 3, 0, time.FixedZone("", 3600))
	message := string(blocklist.Line(nil, netip.MustParseAddrPort("192.0.2.1:5060"), blocklist.Untrusted, "INVITE"))
	var lines, want []string
	for _, form := range []string{"text", "json"} {
		for _, zone := range []*time.Location{time.UTC, at.Location()} {
			lines = append(lines, logLineAt(t, form, zapcore.Entry{Time: at.In(zone), LoggerName: "sip", Message: message}, nil))
			want = append(want, fmt.Sprint(at.Unix()))
		}
	}
	if got := fail2banRegex(t, lines, "<time>"); !slices.Equal(got, want) {
		t.Errorf("times %s, want %s, of\n%s", got, want, strings.Join(lines, "\n"))
	}
}

// TestFail2banJail: fail2ban takes the jail with Debian's configuration around it, and reads from it what the comments say.
func TestFail2banJail(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("/etc/fail2ban")); err != nil {
		t.Fatal(err)
	}
	for _, folder := range []string{"filter.d", "jail.d"} {
		content, err := os.ReadFile(fail2banFile(t, folder))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, folder, "tollgate.conf"), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	// -d prints the commands that a server would get; none is started.
	out, err := exec.CommandContext(ctx, "fail2ban-client", "-c", dir, "-d").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{
		"['add', 'tollgate', 'systemd']", "['set', 'tollgate', 'addjournalmatch', '_SYSTEMD_UNIT=tollgate.service']",
		"['set', 'tollgate', 'maxretry', 10]", "['start', 'tollgate']", "['protocol', 'udp']", "['port', '5060']",
	} {
		if !strings.Contains(string(out), want) {
			t.Errorf("%s is not in\n%s", want, out)
		}
	}
}

// fail2banFile is the path of our file in a folder of etc/fail2ban.
func fail2banFile(t *testing.T, folder string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("../etc/fail2ban", folder, "tollgate.conf"))
	if err != nil {
		t.Fatal(err)
	}
	return path
}
