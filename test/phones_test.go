package test

import (
	"strconv"
	"strings"
	"time"

	"tollgate/test/peer"
)

// phones are the callees and callers of a play.
type phones struct {
	callees []*peer.UAS
	started []peer.SIPP  // the callees' scenarios
	ports   []int        // the callees'; there may be more than callees so far
	away    map[int]bool // callees that are gone
	callers []string     // the folders of their files
}

func (p *play) startCallee(args []string) {
	p.Helper()
	p.calleeAddress(len(p.callees) + 1)
	s := p.sipp(args)
	s.Port = p.ports[len(p.callees)]
	p.started = append(p.started, s)
	p.callees = append(p.callees, peer.StartUAS(p, s))
	var targets []string
	for _, callee := range p.callees {
		targets = append(targets, callee.Addr)
	}
	p.gatekeeper().routeTo(targets...)
}

// calleeAddress is where the callee with that number, from 1 on, is or will be.
func (p *play) calleeAddress(number int) string {
	p.Helper()
	for len(p.ports) < number {
		p.ports = append(p.ports, peer.FreePort(p, "udp"))
	}
	return peer.Loopback + ":" + strconv.Itoa(p.ports[number-1])
}

// calleeGone kills a callee; its port is closed then.
func (p *play) calleeGone(number int) {
	p.callees[number-1].Kill()
	if p.away == nil {
		p.away = map[int]bool{}
	}
	p.away[number] = true
}

// calleeBack starts a callee again that was gone, where it was.
func (p *play) calleeBack(number int) {
	p.away[number] = false
	p.callees[number-1] = peer.StartUAS(p, p.started[number-1])
}

func (p *play) startCaller(args []string) {
	p.Helper()
	background := len(args) > 0 && args[len(args)-1] == "&"
	if background {
		args = args[:len(args)-1]
	}
	s := p.sipp(args)
	s.Target = p.gk.address()
	p.since = time.Now()
	dir := p.TempDir()
	p.callers = append(p.callers, dir)
	run := func() {
		if r, err := s.Run(p.Context(), dir); err != nil {
			p.Errorf("%v\n%s", err, r.Errors)
		}
	}
	if background {
		p.busy.Go(run)
	} else {
		run()
	}
}

// sipp reads a scenario and its options.
func (p *play) sipp(args []string) peer.SIPP {
	p.Helper()
	if len(args) == 0 {
		p.Fatal("no scenario")
	}
	s := peer.SIPP{Scenario: args[0] + ".xml", Keys: map[string]string{}}
	for _, option := range args[1:] {
		name, value, _ := strings.Cut(option, "=")
		value = p.filled(value)
		key, isKey := strings.CutPrefix(name, "key.")
		switch {
		case isKey:
			s.Keys[key] = value
		case name == "hold":
			s.Hold = p.duration(value)
		case name == "calls":
			s.Calls = p.number(value)
		case name == "rate":
			s.Rate = p.number(value)
		case name == "number":
			s.Number = value
		case name == "as":
			s.Caller = value
		case name == "from":
			s.Address = value
		case name == "lenient":
			s.Lenient = true
		default:
			p.Fatalf("unknown option %q", option)
		}
	}
	return s
}

// filled replaces $gk by the gatekeeper's address and $1, $2, ... by the callees'.
func (p *play) filled(text string) string {
	p.Helper()
	if !strings.Contains(text, "$") {
		return text
	}
	text = strings.ReplaceAll(text, "$gk", p.gatekeeper().address())
	for number := 9; number > 0; number-- {
		if name := "$" + strconv.Itoa(number); strings.Contains(text, name) {
			text = strings.ReplaceAll(text, name, p.calleeAddress(number))
		}
	}
	return text
}

// heard are the messages that the phones have received so far, each as one line with bars between its own.
func (p *play) heard() []string {
	p.Helper()
	var lines []string
	add := func(who string, messages []string, err error) {
		if err != nil {
			p.Fatal(err)
		}
		for _, m := range messages {
			lines = append(lines, who+" "+strings.ReplaceAll(m, "\r\n", "|")+"|")
		}
	}
	for i, dir := range p.callers {
		messages, err := peer.ReadMessages(dir)
		add("caller="+strconv.Itoa(i+1), messages, err)
	}
	for i, callee := range p.callees {
		messages, err := callee.Heard()
		add("callee="+strconv.Itoa(i+1), messages, err)
	}
	return lines
}

// setRoute replaces the routes to the callees by one of the play's own.
func (p *play) setRoute(rest string) {
	p.Helper()
	prefix, targets, _ := strings.Cut(rest, " ")
	p.gatekeeper().config.set("SIP::Routes", prefix, p.filled(targets))
	if p.gk.running() {
		p.gk.save()
	}
}
