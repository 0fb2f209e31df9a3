package config

import (
	"errors"
	"strings"
	"testing"
	"time"
)

// testSchema has a key of every kind and a section of every form.
func testSchema() Schema {
	return Schema{
		{Name: "Gatekeeper::Main", Doc: "What the gatekeeper is called and where it listens.", Keys: []Key{
			{Name: "Name", Default: "Tollgate", Doc: "The gatekeeper's name."},
			{Name: "StatusPort", Kind: Int, Default: "7000", Min: 1, Max: 65535, Doc: "The TCP port of the status port."},
			{Name: "StateDir", Kind: Path, Example: "/var/lib/tollgate", Doc: "Where the journal is; `|` and the like are no trouble."},
		}, Foreign: []Foreign{{"UnicastOnly", "there is no multicast | discovery"}}},
		{Name: "RadAcct", Doc: "Events to RADIUS servers.", Instances: true, Keys: []Key{
			{Name: "Retries", Kind: Int, Default: "2", Min: 0, Max: 10, Doc: "Further tries of one event with the same server before the next one " +
				"is asked, which has its own number of tries and may be asked for the next event first."},
			{Name: "Timeout", Kind: Duration, Unit: "ms", Default: "500", Min: 1, Max: 60000, Doc: "How long one try waits."},
			{Name: "Format", Kind: Enum, Default: "line", Values: []string{"line", "CSV", "detail"}, Doc: "The form of a record."},
			{Name: "CDRString", Kind: Template, Default: "%g|%n|`%u`", Doc: "The record."},
			{Name: "Queue", Kind: Int, Unit: "events", Min: 5, Doc: "How many events wait."},
			{Name: "Offset", Kind: Int, Doc: "Any number."},
			{Name: "SharedSecret", Secret: true, Example: "testing123", Check: refuseBad, Doc: "The secret."},
			{Name: "SharedPort", Kind: Int, Secret: true, Min: 1, Max: 5, Doc: "A number that is nobody's business."},
			{Name: "AppendCiscoAttributes", Kind: Bool, Default: "0", Doc: "Whether to add them."},
			{Name: "Spool", Check: refuseBad, Doc: "Which events are kept."},
		}},
		{Name: "SIP::Routes", Doc: "Routes, the longest prefix first.", Keys: []Key{{Name: "*", Example: "sip:127.0.0.1", Doc: "All else."}},
			Open:    &Key{Name: "PREFIX", Check: refuseBad, Example: "sip:192.0.2.1:5060", Doc: "Where a dialled prefix goes."},
			Foreign: []Foreign{{"NoSuchRoute", "routes are tried left to right"}}},
		{Name: "GkStatus::Auth", Doc: "Who may read.", Open: &Key{Name: "ADDRESS", Kind: Bool, Default: "1", Doc: "Whether the client may read."}},
		{Name: "Proxy", NoEffect: "there is no H.323 proxy"},
	}
}

func refuseBad(raw string) error {
	if strings.Contains(raw, "bad") {
		return errors.New(raw + " is bad")
	}
	return nil
}

// open parses and checks text, which is legal.
func open(t testing.TB, text string) *File {
	t.Helper()
	f, err := Parse("t.ini", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if problems := testSchema().Check(f, true); len(problems) != 0 {
		t.Fatal(problems)
	}
	return f
}

func TestGetters(t *testing.T) {
	f := open(t, "[gatekeeper::main]\nname = A;B # c\n\n[RadAcct:backup]\nTimeout=2s\nformat=csv\nappendciscoattributes=Yes\n"+
		"sharedsecret=x\nOffset=-7\n[GkStatus::Auth]\n10.0.0.1=forbid\n10.0.0.2=allow\n")
	schema := testSchema()
	main, rad, auth := schema.Section(f, "Gatekeeper::Main"), schema.Section(f, "radacct:BACKUP"), schema.Section(f, "GkStatus::Auth")
	for name, test := range map[string]struct{ got, want any }{
		"raw text":                {main.Text("Name"), "A;B # c"},
		"default of an int":       {main.Int("StatusPort"), int64(7000)},
		"no default":              {main.Text("StateDir"), ""},
		"given":                   {main.Has("NAME"), true},
		"not given":               {main.Has("StatusPort"), false},
		"line of a key":           {main.LineOf("name"), 2},
		"line of a missing key":   {main.LineOf("StatusPort"), 1},
		"go duration":             {rad.Duration("Timeout"), 2 * time.Second},
		"enum as declared":        {rad.Text("Format"), "CSV"},
		"yes":                     {rad.Bool("AppendCiscoAttributes"), true},
		"secret":                  {rad.Secret("SharedSecret").Reveal(), "x"},
		"negative int":            {rad.Int("Offset"), int64(-7)},
		"int without a default":   {rad.Int("Queue"), int64(0)},
		"open bool, no":           {auth.Bool("10.0.0.1"), false},
		"open bool, yes":          {auth.Bool("10.0.0.2"), true},
		"open bool, default":      {auth.Bool("10.0.0.3"), true},
		"section of another name": {schema.Section(f, "RadAcct").Duration("Timeout"), 500 * time.Millisecond},
		"missing section's line":  {schema.Section(f, "RadAcct:x").LineOf("Timeout"), 0},
		"problem":                 {rad.Problem("Timeout", "too %s", "late").String(), "t.ini:5: too late"},
		"warning":                 {rad.Warning("Retries", "late").String(), "t.ini:4: warning: late"},
	} {
		if test.got != test.want {
			t.Errorf("%s: got %v, want %v", name, test.got, test.want)
		}
	}
	for _, s := range []*Section{main, rad, auth} {
		if mistakes := s.Undeclared(); len(mistakes) > 0 {
			t.Errorf("[%s]: undeclared %q", s.Name, mistakes)
		}
	}
}

func TestUndeclared(t *testing.T) {
	f := open(t, "[RadAcct]\nTimeout=2s\n")
	s := testSchema().Section(f, "RadAcct")
	if s.Int("Timeout") != 0 || s.Duration("Nothing") != 0 || s.Text("Nothing") != "" || s.Bool("Retries") || s.Secret("Other") != "" {
		t.Error("a getter for a key that is not declared gives a value")
	}
	want := "Timeout (of another kind), Nothing, Retries (of another kind), Other"
	if got := strings.Join(s.Undeclared(), ", "); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	unknown := testSchema().Section(f, "NoSuchSection")
	if unknown.Text("Name") != "" || len(unknown.Undeclared()) != 1 {
		t.Error("a section that is not declared has a key")
	}
}

func TestVerify(t *testing.T) {
	if err := testSchema().Verify(); err != nil {
		t.Fatal(err)
	}
	good := Key{Name: "K", Doc: "A key."}
	tests := map[string]struct {
		schema Schema
		want   string
	}{
		"section twice":    {Schema{{Name: "S", Doc: "d"}, {Name: "s", Doc: "d"}}, "section [s]: declared twice"},
		"section's name":   {Schema{{Name: "S]", Doc: "d"}}, "not a legal name"},
		"section's doc":    {Schema{{Name: "S"}}, "section [S]: no doc"},
		"key twice":        {Schema{{Name: "S", Doc: "d", Keys: []Key{good, {Name: "k", Doc: "d"}}}}, `key "k": declared twice`},
		"also foreign":     {Schema{{Name: "S", Doc: "d", Keys: []Key{good}, Foreign: []Foreign{{"k", "r"}}}}, `key "k": declared twice`},
		"foreign's reason": {Schema{{Name: "S", Doc: "d", Foreign: []Foreign{{"k", ""}}}}, `foreign key "k": no reason`},
		"key's name":       {oneKey(Key{Name: "a=b", Doc: "d"}), "not a legal name"},
		"comment":          {oneKey(Key{Name: ";a", Doc: "d"}), "not a legal name"},
		"header":           {oneKey(Key{Name: "[a", Doc: "d"}), "not a legal name"},
		"key's doc":        {oneKey(Key{Name: "K"}), "no doc"},
		"enum":             {oneKey(Key{Name: "K", Doc: "d", Kind: Enum}), "no values"},
		"unit":             {oneKey(Key{Name: "K", Doc: "d", Kind: Duration, Unit: "sec"}), `unit "sec" is none of us, ms, s, min, h, d`},
		"default":          {oneKey(Key{Name: "K", Doc: "d", Kind: Int, Default: "x"}), `default or example: "x" is not a whole number`},
		"example":          {oneKey(Key{Name: "K", Doc: "d", Example: "bad", Check: refuseBad}), "default or example: bad is bad"},
		"blanks":           {oneKey(Key{Name: "K", Doc: "d", Default: " x"}), "cannot stand in a file"},
		"secret":           {oneKey(Key{Name: "K", Doc: "d", Default: "x", Secret: true}), "a secret with a default"},
		"open":             {Schema{{Name: "S", Doc: "d", Open: &Key{Name: "K"}}}, `key "K": no doc`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			err := test.schema.Verify()
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %s", err, test.want)
			}
		})
	}
}

func oneKey(k Key) Schema { return Schema{{Name: "S", Doc: "d", Keys: []Key{k}}} }
