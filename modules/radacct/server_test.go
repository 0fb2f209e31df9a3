package radacct

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"tollgate/acctstack"
	"tollgate/acctstack/stacktest"
	"tollgate/config"
	"tollgate/test/peer"
)

// section are the lines for one or more real servers.
func section(servers ...*peer.FreeRADIUS) string {
	var list []string
	for _, s := range servers {
		list = append(list, s.Address()[:strings.Index(s.Address(), ":")]+"::"+strconv.Itoa(s.Port))
	}
	return "Servers=" + strings.Join(list, ";") + "\nSharedSecret=" + servers[0].Secret + "\n"
}

// quick makes a burst that is over soon.
const quick = "RequestTimeout=300\n"

// times the server has stored the event.
func times(t testing.TB, s *peer.FreeRADIUS, ev *acctstack.Event) int {
	n := 0
	for _, record := range s.Records(t) {
		if slices.Contains(record["Cisco-AVPair"], "event-id="+ev.ID.String()) {
			n++
		}
	}
	return n
}

func TestConformance(t *testing.T) {
	server := peer.StartFreeRADIUS(t)
	stacktest.Conformance(t, stacktest.Subject{
		Factory: Factory(),
		Config:  section(server) + quick,
		Stored:  func(t *testing.T, ev *acctstack.Event) int { return times(t, server, ev) },
		Break:   func(*testing.T) { server.Stop() },
		Mend:    func(*testing.T) { server.Restart() },
	})
}

func TestDeclaration(t *testing.T) {
	if err := (config.Schema{stacktest.Declaration(Factory())}).Verify(); err != nil {
		t.Error(err)
	}
}

// Each kind arrives at a real server with every attribute and its right value.
func TestAttributesAtARealServer(t *testing.T) {
	server := peer.StartFreeRADIUS(t)
	module := stacktest.Open(t, Factory(), section(server)+"TimestampFormat=%Y-%m-%d %H:%M:%S\n")
	for _, kind := range []acctstack.Kind{acctstack.On, acctstack.Start, acctstack.Update, acctstack.Stop, acctstack.Off} {
		t.Run(kind.String(), func(t *testing.T) {
			ev := stacktest.Event(kind, 7)
			age := int(time.Since(ev.Time) / time.Second)
			if err := module.Store(t.Context(), ev); err != nil {
				t.Fatal(err)
			}
			records := server.Records(t)
			got := maps.Clone(records[len(records)-1])
			if delay, err := strconv.Atoi(got.Get("Acct-Delay-Time")); err != nil || delay < age || delay > age+2 {
				t.Errorf("Acct-Delay-Time is %q, want %d", got.Get("Acct-Delay-Time"), age)
			}
			for _, own := range []string{"Acct-Delay-Time", "Timestamp", "Acct-Unique-Session-Id", "Tmp-String-9"} {
				delete(got, own)
			}
			compare(t, got, expected(ev))
		})
	}
}

func compare(t *testing.T, got, want peer.Record) {
	t.Helper()
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if !slices.Equal(got[name], want[name]) {
			t.Errorf("%s is %q, want %q", name, got[name], want[name])
		}
	}
	for name := range got {
		if _, ok := want[name]; !ok {
			t.Errorf("%s = %q was sent and is not expected", name, got[name])
		}
	}
}

// expected is the record of call 7 as the server writes it down.
func expected(ev *acctstack.Event) peer.Record {
	const layout = "2006-01-02 15:04:05"
	record := peer.Record{
		"NAS-IP-Address":  {"192.0.2.1"},
		"NAS-Identifier":  {"tollgate-test"},
		"NAS-Port-Type":   {"Virtual"},
		"Event-Timestamp": {ev.Time.Local().Format("Jan _2 2006 15:04:05 MST")},
		"Cisco-AVPair":    {"event-id=" + ev.ID.String()},
	}
	switch ev.Kind {
	case acctstack.On, acctstack.Off:
		record["Acct-Status-Type"] = []string{"Accounting-O" + ev.Kind.String()[1:]}
		record["Acct-Session-Id"] = []string{"5f5e100000000007"}
		return record
	case acctstack.Start:
		record["Acct-Status-Type"] = []string{"Start"}
	case acctstack.Update:
		record["Acct-Status-Type"] = []string{"Interim-Update"}
		record["Acct-Session-Time"] = []string{"0"}
	case acctstack.Stop:
		record["Acct-Status-Type"] = []string{"Stop"}
		record["Acct-Session-Time"] = []string{"65"}
	}
	r := ev.Record
	words := string(r.CallID.AppendWords(nil))
	for name, value := range map[string]string{
		"Service-Type": "Login-User", "Acct-Session-Id": "5f5e100100000007", "User-Name": "alice", "Framed-IP-Address": "192.0.2.10",
		"Calling-Station-Id": "4930111", "Called-Station-Id": "4930555",
		"h323-conf-id": "h323-conf-id=" + words, "h323-gw-id": "h323-gw-id=tollgate-test", "h323-call-origin": "h323-call-origin=proxy",
		"h323-call-type": "h323-call-type=VoIP", "h323-setup-time": "h323-setup-time=" + r.Setup.Local().Format(layout),
		"h323-remote-address": "h323-remote-address=192.0.2.20",
	} {
		record[name] = []string{value}
	}
	if ev.Kind != acctstack.Start {
		record["h323-connect-time"] = []string{"h323-connect-time=" + r.Connected.Local().Format(layout)}
	}
	if ev.Kind == acctstack.Stop {
		for name, value := range map[string]string{
			"Acct-Terminate-Cause": "User-Request", "h323-disconnect-time": "h323-disconnect-time=" + r.Disconnected.Local().Format(layout),
			"h323-disconnect-cause": "h323-disconnect-cause=10", "release-source": "release-source=1",
			"gw-rxd-cgn": "preferred-codec=PCMA", "gw-final-xlated-cgn": "rewritten-e164-num=4930555",
		} {
			record[name] = []string{value}
		}
		record["Cisco-AVPair"] = append(record["Cisco-AVPair"], "h323pddtime=1", "h323ringtime=3", "h323routeattempts=1",
			"h323_rtp_proxy=0", "RTP_source_IP=192.0.2.10", "RTP_destination_IP=192.0.2.20")
	}
	record["Cisco-AVPair"] = append(record["Cisco-AVPair"], "h323-ivr-out=h323-call-id:"+words)
	return record
}

// Many records at once: a real server has each exactly once.
func TestNoneLostNoneTwice(t *testing.T) {
	const records, workers = 500, 50
	server := peer.StartFreeRADIUS(t)
	module := stacktest.Open(t, Factory(), section(server)+"RequestTimeout=5000\n")
	seen := make(map[string]int)
	var all sync.WaitGroup
	var mu sync.Mutex
	for w := range workers {
		all.Go(func() {
			for i := range records / workers {
				ev := stacktest.Event(acctstack.Stop, w*1000+i)
				if err := module.Store(t.Context(), ev); err != nil {
					t.Error(err)
				}
				mu.Lock()
				seen["event-id="+ev.ID.String()] = 0
				mu.Unlock()
			}
		})
	}
	all.Wait()
	for _, record := range server.Records(t) {
		seen[record["Cisco-AVPair"][0]]++
	}
	if len(seen) != records {
		t.Errorf("%d different events, want %d", len(seen), records)
	}
	for id, n := range seen {
		if n != 1 {
			t.Errorf("%s was stored %d times", id, n)
		}
	}
}

func TestFailoverBetweenRealServers(t *testing.T) {
	first, second := peer.StartFreeRADIUS(t), peer.StartFreeRADIUS(t)
	module := stacktest.Open(t, Factory(), section(first, second)+"RequestTimeout=1000\n")
	store := func(kind acctstack.Kind, to *peer.FreeRADIUS) time.Duration {
		t.Helper()
		ev := stacktest.Event(kind, 1)
		began := time.Now()
		if err := module.Store(t.Context(), ev); err != nil {
			t.Fatal(err)
		}
		took := time.Since(began)
		if times(t, to, ev) != 1 {
			t.Errorf("%s: the right server does not have the event", kind)
		}
		return took
	}
	store(acctstack.Start, first)
	first.Stop()
	for _, kind := range []acctstack.Kind{acctstack.Update, acctstack.Stop, acctstack.Off} {
		if took := store(kind, second); took > 900*time.Millisecond {
			t.Errorf("%s: failover from a refusing server took %v", kind, took)
		}
	}
	second.Pause()
	first.Restart()
	store(acctstack.On, first)
	second.Resume()
}

func TestSilentServer(t *testing.T) {
	server := peer.StartFreeRADIUS(t)
	module := stacktest.Open(t, Factory(), section(server)+"RequestTimeout=1000\n")
	server.Pause()
	ev := stacktest.Event(acctstack.Start, 3)
	err := module.Store(t.Context(), ev)
	want := fmt.Sprintf("radacct: storing start of call 5f5e100100000003: %s: no answer to 2 requests in 2", server.Address())
	if err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("error %v, want %q", err, want)
	}
	if acctstack.IsPermanent(err) {
		t.Error("the error is permanent")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	began := time.Now()
	if err := module.Store(ctx, ev); err == nil || time.Since(began) > 900*time.Millisecond {
		t.Errorf("after %v: %v", time.Since(began), err)
	}
	server.Resume()
	next := stacktest.Event(acctstack.Start, 4)
	if err := module.Store(t.Context(), next); err != nil || times(t, server, next) != 1 {
		t.Errorf("after the pause: %v", err)
	}
}

func TestInstanceNameAndEventsOfNoCall(t *testing.T) {
	server := peer.StartFreeRADIUS(t)
	server.Stop()
	env := stacktest.Env(t, Factory())
	env.Instance = "RadAcct:Backup"
	module, err := Factory().New(env, stacktest.Section(t, Factory(), section(server)+"RequestRetransmissions=1\n"))
	if err != nil {
		t.Fatal(err)
	}
	defer module.(acctstack.Closer).Close()
	want := "radacct:backup: storing on: " + server.Address() + ": connection refused"
	if err := module.Store(t.Context(), stacktest.Event(acctstack.On, 1)); err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
}

// A server that comes back between two transmissions of one event gets it.
func TestServerComesBackWithinTheBurst(t *testing.T) {
	server := peer.StartFreeRADIUS(t)
	module := stacktest.Open(t, Factory(), section(server)+"RequestTimeout=1000\nRequestRetransmissions=5\n")
	server.Stop()
	ev := stacktest.Event(acctstack.Stop, 9)
	result := make(chan error, 1)
	var all sync.WaitGroup
	all.Go(func() { result <- module.Store(t.Context(), ev) })
	for module.(*Module).Stats().Servers[0].Refused == 0 {
		time.Sleep(time.Millisecond)
	}
	server.Restart()
	all.Wait()
	if err := <-result; err != nil || times(t, server, ev) != 1 {
		t.Errorf("stored %d times, error %v", times(t, server, ev), err)
	}
}

func TestNASAddressIsTheLocalInterface(t *testing.T) {
	server := peer.StartFreeRADIUS(t)
	module := stacktest.Open(t, Factory(), section(server)+"LocalInterface=127.0.0.1\nRadiusPortRange=31000-30000\n")
	if err := module.Store(t.Context(), stacktest.Event(acctstack.Start, 1)); err != nil {
		t.Fatal(err)
	}
	if got := netip.MustParseAddr(server.Records(t)[0].Get("NAS-IP-Address")); !got.IsLoopback() {
		t.Errorf("NAS-IP-Address is %v", got)
	}
}
