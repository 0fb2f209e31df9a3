// Package radacct is the accounting module RadAcct: it sends each event to a RADIUS server as an Accounting-Request
// (RFC 2866), with the attributes of GnuGk's module of that name.
package radacct

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"

	"tollgate/acctstack"
	"tollgate/cdr"
	"tollgate/config"
	"tollgate/radius"
)

// Factory is the module RadAcct.
func Factory() acctstack.Factory {
	return acctstack.Factory{
		Name:     "RadAcct",
		Doc:      "Sends events to RADIUS servers as Accounting-Requests.",
		Supports: acctstack.KindsOf(acctstack.Start, acctstack.Update, acctstack.Stop, acctstack.On, acctstack.Off),
		Keys:     keys(),
		New:      newModule,
	}
}

// Module delivers events to the servers of one section. It implements Starter and Closer of acctstack.
type Module struct {
	name    string // the instance in lower case, for errors
	client  *radius.Client
	content content
	writers sync.Pool // of *writer
}

func newModule(env acctstack.Env, sec *config.Section) (acctstack.Module, error) {
	m := &Module{name: strings.ToLower(env.Instance)}
	transport, problems := readTransport(env, sec)
	var ps config.Problems
	m.content, ps = readContent(env, sec, transport.Local)
	problems = append(problems, ps...)
	if err := problems.Err(); err != nil {
		return nil, err
	}
	m.client = radius.New(transport)
	m.writers.New = func() any { return new(writer) }
	return m, nil
}

// readTransport reads whom to send to, and how.
func readTransport(env acctstack.Env, sec *config.Section) (radius.Config, config.Problems) {
	var problems config.Problems
	servers, err := radius.ParseServers(sec.Secret("Servers").Reveal(), radius.Server{
		AuthPort: uint16(sec.Int("DefaultAuthPort")),
		AcctPort: uint16(sec.Int("DefaultAcctPort")),
		Secret:   sec.Secret("SharedSecret"),
	})
	switch {
	case err != nil:
		for _, text := range strings.Split(err.Error(), "\n") {
			problems = append(problems, sec.Problem("Servers", "Servers: %s", text))
		}
	case len(servers) == 0:
		problems = append(problems, sec.Problem("Servers", "Servers is empty: name at least one RADIUS server"))
	}
	c := radius.Config{
		Servers:       servers,
		Timeout:       sec.Duration("RequestTimeout"),
		Transmissions: int(sec.Int("RequestRetransmissions")),
		RoundRobin:    sec.Bool("RoundRobinServers"),
		Quarantine:    sec.Duration("IdCacheTimeout"),
		IdleSocket:    sec.Duration("SocketDeleteTimeout"),
		Window:        int(sec.Int("RequestWindow")),
		Log:           env.Log,
	}
	// An empty or bad text leaves the zero value: the keys' own checks have refused a bad one.
	c.Local, _ = netip.ParseAddr(sec.Text("LocalInterface"))
	c.Ports, _ = radius.ParsePortRange(sec.Text("RadiusPortRange"))
	return c, problems
}

// Start opens the transport. A server that is away is no error; a LocalInterface that is not this host's is.
func (m *Module) Start() error {
	if err := m.client.Start(); err != nil {
		return fmt.Errorf("%s: %w", m.name, err)
	}
	return nil
}

// Close ends the transport and waits for its goroutines.
func (m *Module) Close() error { return m.client.Close() }

// Stats are the transport's counters.
func (m *Module) Stats() radius.Stats { return m.client.Stats() }

// Store sends the event to one server after the other until one has answered that it has the record.
func (m *Module) Store(ctx context.Context, ev *acctstack.Event) error {
	if ev.Record == nil && ev.Kind != acctstack.On && ev.Kind != acctstack.Off {
		return acctstack.Permanent(m.failure(ev, errors.New("the event has no call record")))
	}
	w := m.writers.Get().(*writer)
	defer m.writers.Put(w)
	w.write(&m.content, ev)
	if err := m.client.Exchange(ctx, radius.Request{Attributes: &w.attributes, Time: ev.Time}); err != nil {
		return m.failure(ev, err)
	}
	return nil
}

func (m *Module) failure(ev *acctstack.Event, err error) error {
	if ev.Record == nil {
		return fmt.Errorf("%s: storing %s: %w", m.name, ev.Kind, err)
	}
	return fmt.Errorf("%s: storing %s of call %s: %w", m.name, ev.Kind, ev.Record.SessionID, err)
}

// content is what the section says about the attributes.
type content struct {
	nas          netip.Addr // in place of the gatekeeper's home address; zero: that one
	fixedUser    string
	dialedNumber bool
	cisco        bool
	eventID      bool
	times        *cdr.TimeFormat
}

func readContent(env acctstack.Env, sec *config.Section, local netip.Addr) (content, config.Problems) {
	times, problems := env.Times(sec)
	return content{
		nas:          local,
		fixedUser:    sec.Text("FixedUsername"),
		dialedNumber: sec.Bool("UseDialedNumber"),
		cisco:        sec.Bool("AppendCiscoAttributes"),
		eventID:      sec.Bool("EventId"),
		times:        times,
	}, problems
}
