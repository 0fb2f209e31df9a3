package statusport

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"tollgate/cdr"
)

// twoCalls are a connected call with everything known, and one that has only begun, of a hostile caller.
func twoCalls() []*cdr.Record {
	setup := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	return []*cdr.Record{
		{
			Number: 7, SessionID: "0000000000000007", SIPCallID: "f81d4fae-7dec-11d0-a765-00a0c91e6bf6",
			CallID: cdr.CallID{0x1f, 0x0a, 0x33, 0x5c, 0x90, 0xbe, 0x4e, 0x11, 0xa2, 0x07, 0, 0x1c, 0x42, 0x6d, 0x10, 0x9e},
			Setup:  setup, Connected: setup.Add(5 * time.Second), Now: setup.Add(100 * time.Second),
			Caller: cdr.Party{Address: netip.MustParseAddrPort("198.51.100.10:5060"), EndpointID: "2001_endp"},
			Callee: cdr.Party{Address: netip.MustParseAddrPort("[2001:db8::20]:5062")},
			Src:    []cdr.Alias{{Value: "anna", Type: cdr.H323ID}, {Value: "4930111", Type: cdr.DialedDigits}},
			Dest:   []cdr.Alias{{Value: "4930555", Type: cdr.DialedDigits}},
		},
		{
			Number: 8, SIPCallID: "a84b4c76e66710@pc33.example.com",
			Setup: setup, Now: setup.Add(3 * time.Second),
			Src:  []cdr.Alias{{Value: "x|y;z\r\nCDR|1", Type: cdr.URLID}},
			Dest: []cdr.Alias{{Value: "4930556", Type: cdr.DialedDigits}},
		},
	}
}

// The transcripts have the commands after ">>> " and what they must give. A line that begins with "~ " is a regular
// expression.
var transcripts = map[string]string{
	"help": `
>>> help
Commands:
!
bl
blocked
c
dc
dcid
disconnectcall
disconnectcallid
disconnectsession
ds
exit
gateways
gw
h
help
lim
limits
maintenance
maintenancemode
mod
modules
pcc
printcurrentcalls
q
quit
reload
s
shutdown
sp
spool
statistics
trace
ub
unblock
v
version
who
yell
;
>>> H please
Commands:
!
bl
blocked
c
dc
dcid
disconnectcall
disconnectcallid
disconnectsession
ds
exit
gateways
gw
h
help
lim
limits
maintenance
maintenancemode
mod
modules
pcc
printcurrentcalls
q
quit
reload
s
shutdown
sp
spool
statistics
trace
ub
unblock
v
version
who
yell
;
`,
	"names are expanded as GnuGk does": `
>>> TRACE
Output trace level is 2
>>> tra
Error: Unknown command 'tra'
>>> trac
Output trace level is 2
>>> dis
Error: Unknown command 'dis'
>>> r
Error: Unknown command 'r'
>>> re
Error: Unknown command 're'
>>> Bogus command  here
Error: Unknown command 'Bogus command  here'
>>> printallregistrations
Error: Unknown command 'printallregistrations'
>>> w
~   \d+\t127\.0\.0\.1:\d+=>127\.0\.0\.1:\d+\t
;
`,
	"version": `
>>> version
Version:
~ Gatekeeper\(Tollgate\) Version\(1\.2\.3\) Go\(.+\) Sys\(\w+ \w+\)
~ Startup: Sun, 22 Nov 2026 00:40:37 GMT   Running: \d+ days \d\d:\d\d:\d\d
;
`,
	"statistics": `
>>> stat
-- Endpoint Statistics --
Total Endpoints: 0  Terminals: 0  Gateways: 0  NATed: 0
Cached Endpoints: 0  Terminals: 0  Gateways: 0
-- Call Statistics --
Current Calls: 3 Active: 2 From Neighbor: 0 From Parent: 0 Proxied: 0
Total Calls: 7  Successful: 5  From Neighbor: 0  From Parent: 0  Proxied: 0  Peak: 4 at Sun, 22 Nov 2026 00:42:07 GMT
~ Startup: Sun, 22 Nov 2026 00:40:37 GMT   Running: \d+ days \d\d:\d\d:\d\d
;
`,
	"current calls": `
>>> !
CurrentCalls
Call No. 7 | CallID 1f 0a 33 5c 90 be 4e 11 a2 07 00 1c 42 6d 10 9e | 95 | 0
Dial 4930555:dialedDigits
ACF|198.51.100.10:5060|2001_endp|0|4930555:dialedDigits|anna:h323_ID=4930111:dialedDigits|false|1f-0a-33-5c-90-be-4e-11-a2-07-00-1c-42-6d-10-9e|Direct;
ACF|[2001:db8::20]:5062| |32768|4930555:dialedDigits|anna:h323_ID=4930111:dialedDigits|true|1f-0a-33-5c-90-be-4e-11-a2-07-00-1c-42-6d-10-9e|Direct;
Call No. 8 | CallID 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 | 3 | 0
Dial 4930556:dialedDigits
ACF| | |0|4930556:dialedDigits|x%7Cy%3Bz%0D%0ACDR%7C1:url_ID|false|00-00-00-00-00-00-00-00-00-00-00-00-00-00-00-00|Direct;
ACF| | |32768|4930556:dialedDigits|x%7Cy%3Bz%0D%0ACDR%7C1:url_ID|true|00-00-00-00-00-00-00-00-00-00-00-00-00-00-00-00|Direct;
Number of Calls: 2 Active: 1 From Neighbor: 0 From Parent: 0 Proxied: 0
;
`,
	"disconnect by number": `
>>> dc 8 9 7
Call number 8 disconnected.
Can't find call number 9
Call number 7 disconnected.
>>> disconnectcall
Syntax Error: DisconnectCall CALL_NUMBER [CALL_NUMBER...]
>>> dc 7 x
Syntax Error: DisconnectCall CALL_NUMBER [CALL_NUMBER...]
>>> dc -1
Syntax Error: DisconnectCall CALL_NUMBER [CALL_NUMBER...]
>>> c
CurrentCalls
Number of Calls: 0 Active: 0 From Neighbor: 0 From Parent: 0 Proxied: 0
;
`,
	"disconnect by call id with dashes": `
>>> dcid 1F-0A-33-5C-90-BE-4E-11-A2-07-00-1C-42-6D-10-9E
Call id 1F-0A-33-5C-90-BE-4E-11-A2-07-00-1C-42-6D-10-9E disconnected.
>>> dcid 1f-0a-33-5c-90-be-4e-11-a2-07-00-1c-42-6d-10-9e
Can't find call id 1f-0a-33-5c-90-be-4e-11-a2-07-00-1c-42-6d-10-9e
`,
	"disconnect by call id with blanks or nothing between": `
>>> disconnectcallid 1f 0a 33 5c 90 be 4e 11 a2 07 00 1c 42 6d 10 9e
Call id 1f 0a 33 5c 90 be 4e 11 a2 07 00 1c 42 6d 10 9e disconnected.
>>> disconnectcallid 00000000000000000000000000000000
Call id 00000000000000000000000000000000 disconnected.
>>> dcid one two
Syntax Error: DisconnectCallId CALL_ID
>>> dcid
Syntax Error: DisconnectCallId CALL_ID
`,
	"disconnect by SIP Call-ID": `
>>> dcid a84b4c76e66710@pc33.example.com
Call id a84b4c76e66710@pc33.example.com disconnected.
>>> dcid f81d4fae-7dec-11d0-a765-00a0c91e6bf6
Call id f81d4fae-7dec-11d0-a765-00a0c91e6bf6 disconnected.
>>> dcid F81D4FAE-7DEC-11D0-A765-00A0C91E6BF6
Can't find call id F81D4FAE-7DEC-11D0-A765-00A0C91E6BF6
`,
	"trace": `
>>> trace min
Output trace level is 0
>>> trace 1
Output trace level is 1
>>> trace MAX
Output trace level is 2
>>> trace 3
Syntax Error: Trace 0|1|2|"min"|"max"
>>> trace 1 2
Syntax Error: Trace 0|1|2|"min"|"max"
>>> trace
Output trace level is 2
`,
	"yell and sessions": `
>>> who
~   1\t127\.0\.0\.1:\d+=>127\.0\.0\.1:\d+\t
;
>>> y hello  there
~   1\t127\.0\.0\.1:\d+=>127\.0\.0\.1:\d+\t: y hello  there
>>> ds 99
Session 99 not found
>>> ds me
Syntax Error: DisconnectSession SESSION_ID
>>> disconnectsession
Syntax Error: DisconnectSession SESSION_ID
`,
	"reload": `
>>> reload
Full Config reloaded.
>>> reload AcctConfig
Acct Config reloaded.
>>> reload authconfig
Auth Config reloaded.
>>> reload capconfig
CapacityControl Config reloaded.
>>> reload EpConfig
EP Config reloaded.
>>> reload it
Syntax Error: Reload [AcctConfig|AuthConfig|CapConfig|EpConfig]
>>> reload epconfig now
Syntax Error: Reload [AcctConfig|AuthConfig|CapConfig|EpConfig]
`,
}

func TestTranscripts(t *testing.T) {
	for name, script := range transcripts {
		t.Run(name, func(t *testing.T) {
			u := connect(t, start(t, &gatekeeperDouble{calls: twoCalls()}, nil))
			for _, text := range strings.Split(strings.TrimSpace(script), "\n") {
				if command, ok := strings.CutPrefix(text, ">>> "); ok {
					u.send(command + "\r\n")
					continue
				}
				got := u.line()
				if pattern, ok := strings.CutPrefix(text, "~ "); ok {
					if !regexp.MustCompile("^" + pattern + "$").MatchString(got) {
						t.Fatalf("got line %q, want one that matches %q", got, pattern)
					}
				} else if got != text {
					t.Fatalf("got line %q\nwant     %q", got, text)
				}
			}
			u.send("exit\r\n")
			u.expectEnd()
		})
	}
}

func TestEveryNameOfTheTableIsKnownAndSyntaxErrorsNameTheCommand(t *testing.T) {
	set := newCommandSet()
	for _, cmd := range commandTable() {
		for _, name := range append(slices.Clone(cmd.short), cmd.name, strings.ToUpper(cmd.name)) {
			if got := set.find(name); got == nil || got.name != cmd.name {
				t.Errorf("%s finds %v, want %s", name, got, cmd.name)
			}
		}
	}
	if set.find("zzz") != nil || set.find("") != nil {
		t.Error("a name that is no prefix of any finds a command")
	}
}

// A prefix that is ambiguous in GnuGk must not become unique because we have fewer commands.
func TestPrefixesOfForeignCommandsFindNothing(t *testing.T) {
	set := newCommandSet()
	for _, name := range strings.Fields(gnugkCommands) {
		if cmd := set.find(name); cmd != nil {
			t.Errorf("%s runs %s", name, cmd.name)
		}
	}
	for _, prefix := range []string{"p", "print", "printc", "un", "d", "disc", "rel", "sh", "b", "g", "ga", "u", "l", "m"} {
		cmd := set.find(prefix)
		if want := map[string]string{"rel": "Reload", "sh": "Shutdown"}[prefix]; want != "" {
			if cmd == nil || cmd.name != want {
				t.Errorf("%s finds %v, want %s", prefix, cmd, want)
			}
		} else if cmd != nil {
			t.Errorf("%s finds %s", prefix, cmd.name)
		}
	}
}

func TestCommandsSentTogetherRunInOrder(t *testing.T) {
	u := connect(t, start(t, &gatekeeperDouble{}, nil))
	var all strings.Builder
	for i := range 200 {
		fmt.Fprintf(&all, "trace %d\ryell %d\n", i%3, i)
	}
	u.send(all.String())
	if err := u.conn.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	for i := range 200 {
		u.expect(fmt.Sprintf("Output trace level is %d", i%3))
		if got, want := u.line(), fmt.Sprintf(": yell %d", i); !strings.HasSuffix(got, want) {
			t.Fatalf("got %q, want ...%q", got, want)
		}
	}
	u.expectEnd()
}

func TestYellIsEscapedAndReachesEveryone(t *testing.T) {
	s := start(t, &gatekeeperDouble{}, nil)
	one, two := connect(t, s), connect(t, s)
	one.send("yell \u009b2J\u2028 \xff\xff \xc3 ü|;%\r\n") // IAC IAC is one byte 0xFF
	for _, u := range []*user{one, two} {
		if got, want := u.line(), "\t: yell %C2%9B2J%E2%80%A8 %FF %C3 ü|;%"; !strings.HasSuffix(got, want) {
			t.Errorf("got %q, want it to end with %q", got, want)
		}
	}
}

func TestDisconnectSession(t *testing.T) {
	s := start(t, &gatekeeperDouble{}, nil)
	one, two := connect(t, s), connect(t, s)
	one.send("ds 2\r\n")
	one.expect("Session 2 disconnected")
	if got := two.line(); !strings.HasPrefix(got, "Disconnected by session 1\t127.0.0.1:") {
		t.Errorf("the other session got %q", got)
	}
	two.expectEnd()
	eventually(t, "one client left", func() bool { return s.clientCount() == 1 })
	one.send("ds 1\r\n")
	if got := one.line(); !strings.HasPrefix(got, "Disconnected by session 1\t") {
		t.Errorf("got %q", got)
	}
	one.expectEnd()
}
