package cdr

import (
	"slices"
	"strings"
	"testing"
)

func TestTemplateSyntax(t *testing.T) {
	tests := []struct {
		name, text, want string
		scope            Scope
		unknown          []string
	}{
		{name: "empty", text: "", want: ""},
		{name: "no placeholder", text: "CALL|Start;", want: "CALL|Start;"},
		{name: "short and long form", text: "%n %{n}%{d}s", want: "7 765s"},
		{name: "percent", text: "100%%, %%d", want: "100%, %d"},
		{name: "three percents", text: "%%%d", want: "%65"},
		{name: "percent at the end", text: "%d%", want: "65%"},
		{name: "only a percent", text: "%", want: "%"},
		{name: "unknown letter", text: "%x%d", want: "%x65", unknown: []string{"%x"}},
		{name: "unknown letter of two bytes", text: "%é%d", want: "%é65", unknown: []string{"%é"}},
		{name: "unknown name", text: "%{ConfID}|%d", want: "%{ConfID}|65", unknown: []string{"%{ConfID}"}},
		{name: "case matters", text: "%{callid}", want: "%{callid}", unknown: []string{"%{callid}"}},
		{name: "empty name", text: "%{}%d", want: "%{}65", unknown: []string{"%{}"}},
		{name: "open brace", text: "%{d", want: "%{d", unknown: []string{"%{d"}},
		{name: "open brace with a placeholder behind", text: "%{d %n", want: "%{d 7", unknown: []string{"%{d "}},
		{name: "placeholder inside an unknown one", text: "%{a%n}", want: "%{a7}", unknown: []string{"%{a"}},
		{name: "unknown twice", text: "%x%x", want: "%x%x", unknown: []string{"%x", "%x"}},
		{name: "of another scope", text: "%{epid}%g", want: "%{epid}gk-lab", unknown: []string{"%{epid}"}},
		{name: "endpoint", scope: EndpointScope, text: "%u|%{epid}|%d", want: "alice|2001_endp|%d", unknown: []string{"%d"}},
		{name: "system", scope: SystemScope, text: "%g %{gkip} %s %u", want: "gk-lab 192.0.2.1 69a9a4e700000001 %u", unknown: []string{"%u"}},
		{name: "bytes that are no UTF-8", text: "%\xff\xfe%d", want: "%\xff\xfe65", unknown: []string{"%\xff"}},
	}
	src := Source{Stamp: exampleStamp(), Call: exampleCall(), Endpoint: exampleEndpoint()}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			template := Compile(test.text, test.scope, Format{Escaping: Line})
			if got := string(template.Append([]byte("<"), src)); got != "<"+test.want {
				t.Errorf("%q, want <%q", got, test.want)
			}
			if got := template.Unknown(); !slices.Equal(got, test.unknown) {
				t.Errorf("unknown %q, want %q", got, test.unknown)
			}
		})
	}
}

func TestValuesAreNotScannedAgain(t *testing.T) {
	call := exampleCall()
	call.User = "%d%{g}%%"
	got := string(Compile("%u|%d", CallScope, Format{Escaping: Raw}).Append(nil, Source{Call: call}))
	if want := "%d%{g}%%|65"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestStatusTexts(t *testing.T) {
	const parties = "|%{caller-ip}:%{caller-port}|%{callee-ip}:%{callee-port}|%{CallId}"
	call := capturedCalls(t)[0].call
	rejected := &Record{CallID: mustCallID(t, "881645787be4f11185f802fc00000001")}
	tests := []struct {
		name, text, want string
		src              Source
	}{
		{"start", "CALL|Start" + parties, "CALL|Start|127.0.0.1:49938|127.0.0.11:1720|0a-39-f1-04-7b-e4-f1-11-8d-87-02-fc-00-00-00-01", Source{Call: &call}},
		{"reject", "CALL|Reject" + parties, "CALL|Reject|:0|:0|88-16-45-78-7b-e4-f1-11-85-f8-02-fc-00-00-00-01", Source{Call: rejected}},
		{"conference identifier", "%{ConfId}", "aa 3e f1 04 7b e4 f1 11 8d 87 02 fc 00 00 00 01", Source{Call: &call}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			format := Format{Escaping: Line, DashedCallID: true}
			if got := string(Compile(test.text, CallScope, format).Append(nil, test.src)); got != test.want {
				t.Errorf("%q, want %q", got, test.want)
			}
		})
	}
}

func TestQuotedText(t *testing.T) {
	const text = "CALL|Start|%{caller-ip}:%{caller-port}|%{callee-epid}|%u"
	call := exampleCall()
	call.User, call.Callee.EndpointID = `al"ice`, ""
	got := string(Compile(text, CallScope, Format{Escaping: Quoted}).Append(nil, Source{Call: call}))
	if want := `CALL|Start|"192.0.2.10":"5062"|""|"al%22ice"`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// TestAppendAllocatesNothing covers the ways on which a value is computed instead of copied.
func TestAppendAllocatesNothing(t *testing.T) {
	bare := exampleCall()
	bare.User, bare.CallingStation, bare.CalledStation, bare.Dialed = "", "", "", ""
	bare.Caller.Vendor, bare.SIPCallID = "a|b\r\n", "\xff;"
	bare.Src = []Alias{{"a=b", URLID}}
	src := Source{Stamp: exampleStamp(), Call: bare}
	times := mustTimes(t, "Cisco")
	template := Compile("%{"+strings.Join(Names(CallScope), "}|%{")+"}", CallScope, Format{Times: times, Escaping: Quoted})
	buf := make([]byte, 0, 4096)
	if n := testing.AllocsPerRun(100, func() { template.Append(buf, src) }); n != 0 {
		t.Errorf("a template allocates %v times", n)
	}
	if n := testing.AllocsPerRun(100, func() { AppendLine(buf, src, times, Line) }); n != 0 {
		t.Errorf("a line allocates %v times", n)
	}
	if n := testing.AllocsPerRun(100, func() { AppendLine(buf, Source{}, times, Line) }); n != 0 {
		t.Errorf("a line of nothing allocates %v times", n)
	}
}

func FuzzCompile(f *testing.F) {
	for _, seed := range []string{capturedText, "%", "%{", "%{}", "%%%", "%{a%{u}", "%é%\xff", "INSERT '%{CallId}', %d", "%{u"} {
		f.Add(seed, uint8(CallScope))
		f.Add(seed, uint8(EndpointScope))
	}
	src := Source{Stamp: exampleStamp(), Call: exampleCall(), Endpoint: exampleEndpoint()}
	f.Fuzz(func(t *testing.T, text string, scope uint8) {
		var raw, want strings.Builder
		var unknown []string
		for p := range Scan(text, Scope(scope)) {
			if p.Text == "" {
				t.Fatalf("%q has an empty piece", text)
			}
			switch p.Kind {
			case Placeholder:
				want.Write(p.Field.Append(nil, src, Format{}))
			case UnknownName:
				unknown = append(unknown, p.Text)
				want.WriteString(p.Text)
			case Literal:
				want.WriteString(p.Text)
			}
			raw.WriteString(p.Text)
			if p.Kind == Literal && p.Text == "%" && raw.Len() < len(text) && text[raw.Len()] == '%' {
				raw.WriteByte('%')
			}
		}
		if raw.String() != text {
			t.Fatalf("the pieces of %q make %q", text, raw.String())
		}
		template := Compile(text, Scope(scope), Format{})
		if got := string(template.Append(nil, src)); got != want.String() {
			t.Fatalf("%q gives %q, want %q", text, got, want.String())
		}
		if !slices.Equal(template.Unknown(), unknown) {
			t.Fatalf("%q: unknown %q, want %q", text, template.Unknown(), unknown)
		}
	})
}
