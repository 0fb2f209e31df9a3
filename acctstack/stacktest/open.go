package stacktest

import (
	"context"
	"net/netip"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest"

	"tollgate/acctstack"
	"tollgate/config"
)

// Section binds the lines of a module's section to its declaration. A problem that is no warning fails the test.
func Section(t testing.TB, f acctstack.Factory, lines string) *config.Section {
	t.Helper()
	file, err := config.Parse("test.ini", []byte("["+f.Name+"]\n"+lines+"\n"))
	if err != nil {
		t.Fatalf("reading the section: %v", err)
	}
	schema := config.Schema{Declaration(f)}
	if err := schema.Check(file, false).Err(); err != nil {
		t.Fatalf("checking the section: %v", err)
	}
	return schema.Section(file, f.Name)
}

// Declaration is the module's section with its own keys and those that all modules have.
func Declaration(f acctstack.Factory) config.SectionDecl {
	return config.SectionDecl{Name: f.Name, Doc: f.Doc, Keys: append(append([]config.Key(nil), f.Keys...), acctstack.CommonKeys()...),
		Foreign: f.Foreign, Instances: true}
}

// Env is the environment of a module under test.
func Env(t testing.TB, f acctstack.Factory) acctstack.Env {
	return acctstack.Env{
		Instance: f.Name, Enabled: f.Supports, Name: "tollgate-test", Address: netip.MustParseAddr("192.0.2.1"),
		TimestampFormat: "Cisco", StateDir: t.TempDir(), Log: zaptest.NewLogger(t, zaptest.Level(zap.ErrorLevel)),
	}
}

// Open makes and starts the module with the lines of its section, and closes it at the end of the test.
func Open(t testing.TB, f acctstack.Factory, lines string) acctstack.Module {
	t.Helper()
	module := start(t, f, f.Name, lines)
	closeAtEnd(t, module, f.Name)
	return module
}

// start is Open for any instance; the caller ends it.
func start(t testing.TB, f acctstack.Factory, instance, lines string) acctstack.Module {
	t.Helper()
	section := Section(t, f, lines)
	env := Env(t, f)
	env.Instance = instance
	module, err := f.New(env, section)
	if err != nil {
		t.Fatalf("making %s: %v", instance, err)
	}
	if names := section.Undeclared(); len(names) > 0 {
		t.Errorf("%s reads keys that it does not declare: %s", instance, strings.Join(names, ", "))
	}
	if m, ok := module.(acctstack.Starter); ok {
		if err := m.Start(); err != nil {
			t.Fatalf("starting %s: %v", instance, err)
		}
	}
	return module
}

func end(module acctstack.Module) error {
	if m, ok := module.(acctstack.Closer); ok {
		return m.Close()
	}
	return nil
}

func closeAtEnd(t testing.TB, module acctstack.Module, instance string) {
	t.Cleanup(func() {
		if err := end(module); err != nil {
			t.Errorf("closing %s: %v", instance, err)
		}
	})
}

// Stack is Build's stack, started, and closed at the end of the test.
func Stack(t testing.TB, lines string, factories ...acctstack.Factory) *acctstack.Stack {
	t.Helper()
	stack := Build(t, lines, factories...)
	if err := stack.Start(); err != nil {
		t.Fatalf("starting the stack: %v", err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := stack.Close(ctx); err != nil {
			t.Errorf("closing the stack: %v", err)
		}
	})
	return stack
}

// Build makes a stack from the lines of [Gatekeeper::Acct], which the sections of modules may follow. It keeps nothing.
func Build(t testing.TB, lines string, factories ...acctstack.Factory) *acctstack.Stack {
	t.Helper()
	return BuildKeeping(t, nil, lines, factories...)
}

// BuildKeeping is Build for a stack that keeps events.
func BuildKeeping(t testing.TB, keeping *acctstack.Keeping, lines string, factories ...acctstack.Factory) *acctstack.Stack {
	t.Helper()
	file := parse(t, lines)
	schema := config.Schema{{Name: "Gatekeeper::Acct", Doc: "The stack.", Open: &config.Key{Kind: config.String}, Keys: acctstack.Settings()}}
	for _, f := range factories {
		schema = append(schema, Declaration(f))
	}
	if err := schema.Check(file, false).Err(); err != nil {
		t.Fatalf("checking the sections: %v", err)
	}
	stack, problems := acctstack.Build(acctstack.Setup{
		Rules: Rules(t, lines, factories...), Factories: factories, Keeping: keeping,
		Env:     acctstack.Env{Log: zap.NewNop(), StateDir: t.TempDir(), TimestampFormat: "Cisco"},
		Section: func(name string) *config.Section { return schema.Section(file, name) },
	})
	if err := problems.Err(); err != nil {
		t.Fatalf("building the stack: %v", err)
	}
	return stack
}

func parse(t testing.TB, lines string) *config.File {
	t.Helper()
	file, err := config.Parse("test.ini", []byte("[Gatekeeper::Acct]\n"+lines+"\n"))
	if err != nil {
		t.Fatalf("reading the rules: %v", err)
	}
	return file
}

// Rules reads the lines of [Gatekeeper::Acct]; a problem fails the test.
func Rules(t testing.TB, lines string, factories ...acctstack.Factory) []acctstack.Rule {
	t.Helper()
	rules, problems := acctstack.ParseRules(parse(t, lines).Section("Gatekeeper::Acct"), acctstack.Settings(), factories)
	if err := problems.Err(); err != nil {
		t.Fatalf("parsing the rules: %v", err)
	}
	return rules
}

// Log sends the event through the stack and waits for the verdict.
func Log(stack *acctstack.Stack, ev *acctstack.Event) bool {
	w := make(waiter, 1)
	stack.Submit(ev, w)
	return <-w
}

type waiter chan bool

// Decided passes the verdict on.
func (w waiter) Decided(_ *acctstack.Event, v acctstack.Verdict) { w <- v.OK }
