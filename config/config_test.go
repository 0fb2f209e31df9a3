package config

import (
	"testing"
	"time"
)

func testSchema() Schema {
	return Schema{
		{Name: "Gatekeeper::Main", Doc: "What the gatekeeper is called.", Keys: []Key{
			{Name: "Name", Default: "Tollgate", Doc: "The gatekeeper's name."},
			{Name: "StatusPort", Kind: Int, Default: "7000", Min: 1, Max: 65535, Doc: "The TCP port of the status port."},
		}, Foreign: []Foreign{{"FourtyTwo", "there is no multicast discovery"}}},
		{Name: "RadAcct", Doc: "Events to RADIUS.", Instances: true, Keys: []Key{
			{Name: "Retries", Kind: Int, Default: "2", Min: 0, Max: 10, Doc: "Further tries."},
			{Name: "Timeout", Kind: Duration, Unit: "ms", Default: "500", Min: 1, Max: 60000, Doc: "How long one try waits."},
			{Name: "Format", Kind: Enum, Default: "line", Values: []string{"line", "CSV"}, Doc: "The form of a record."},
			{Name: "SharedSecret", Secret: true, Example: "testing123", Doc: "The secret."},
			{Name: "SharedPort", Kind: Int, Secret: true, Max: 5, Doc: "A secret number."},
			{Name: "AppendCiscoAttributes", Kind: Bool, Default: "0", Doc: "Whether to add them."},
		}},
		{Name: "SIP::Routes", Doc: "Routes.", Open: &Key{Name: "PREFIX", Doc: "Targets of a prefix."}},
		{Name: "Proxy", NoEffect: "there is no H.323 proxy"},
	}
}

func TestValidFile(t *testing.T) {
	f, err := Parse("t.ini", []byte("[gatekeeper::main]\nname = A;B # c\n\n[RadAcct:backup]\nTimeout=2s\nformat=csv\nappendciscoattributes=Yes\nsharedsecret=x\n"))
	if err != nil {
		t.Fatal(err)
	}
	schema := testSchema()
	if problems := schema.Check(f, true); len(problems) != 0 {
		t.Fatal(problems)
	}
	main, rad := schema.Section(f, "Gatekeeper::Main"), schema.Section(f, "RadAcct:backup")
	if main.Text("Name") != "A;B # c" || main.Int("StatusPort") != 7000 || main.LineOf("name") != 2 || main.LineOf("StatusPort") != 1 {
		t.Errorf("main: %v", main.Entries)
	}
	if rad.Duration("Timeout") != 2*time.Second || rad.Text("Format") != "CSV" || !rad.Bool("AppendCiscoAttributes") ||
		rad.Secret("SharedSecret").Reveal() != "x" || rad.Int("Retries") != 2 {
		t.Errorf("rad: %v", rad.Entries)
	}
	if none := schema.Section(f, "RadAcct:other"); none.Duration("Timeout") != 500*time.Millisecond || none.Line != 0 {
		t.Error("defaults of a section that the file lacks")
	}
	if wrong := append(main.Undeclared(), rad.Undeclared()...); wrong != nil {
		t.Error(wrong)
	}
}
