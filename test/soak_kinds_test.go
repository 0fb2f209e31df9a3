package test

import (
	"flag"
	"fmt"
	"regexp"
	"strconv"
	"time"

	"tollgate/test/peer"
)

// soakKind is one kind of calls of the soak, with a prefix of [SIP::Routes] and peers of its own.
type soakKind struct {
	name   string
	prefix string // of the dialled user
	share  int    // of 100 calls
	caller string // scenario
	hold   time.Duration
	route  string   // the format of its targets
	uas    []string // scenarios of the callees in the order of the route; "" is a socket that nobody reads

	end       soakEnd // that the call leaves unless datagrams are lost for good
	connected bool
	legs      *regexp.Regexp // of %{legs}
}

// soakEnd is what a stop tells of the end of a call.
type soakEnd struct{ cause, released, status int }

// The ends of the soak. Those by a limit are of calls whose datagrams were lost for good, too.
var (
	hungUp        = soakEnd{16, 1, 200}
	isBusy        = soakEnd{17, 2, 486}
	gaveUp        = soakEnd{16, 1, 487}
	tooLong       = soakEnd{47, 0, 200}
	rangTooLong   = soakEnd{41, 0, 480}
	nobodyAnswers = soakEnd{102, 0, 408}
)

func soakKinds() []soakKind {
	const second = time.Second
	answered := func(name, prefix string, share int, legs, route string, uas ...string) soakKind {
		return soakKind{name, prefix, share, "soak_uac_answered.xml", second, route, uas, hungUp, true, regexp.MustCompile(legs)}
	}
	one := regexp.MustCompile("^[^,]*$")
	refused := func(name, prefix, caller, uas string, end soakEnd) soakKind {
		return soakKind{name, prefix, 10, caller, second / 2, "sip:%s", []string{uas}, end, false, one}
	}
	const answers, rings = "soak_uas_answered.xml", "soak_uas_ringing.xml"
	return []soakKind{
		answered("answered", "491", 30, "^200 [^,]*$", "sip:%s", answers),
		refused("busy", "492", "soak_uac_refused.xml", "soak_uas_busy.xml", isBusy),
		refused("cancelled", "493", "soak_uac_cancelled.xml", rings, gaveUp),
		refused("unanswered", "494", "soak_uac_refused.xml", rings, rangTooLong),
		answered("forked", "495", 10, "^200 [^,]*, (487|-) ", "sip:%s & sip:%s", answers, rings),
		answered("failedover", "496", 10, "^503 [^,]*, 200 ", "sip:%s, sip:%s", "soak_uas_unavailable.xml", answers),
		answered("silentfirst", "497", 10, "^(- [^,]*, )?200 ", "sip:%s, sip:%s", "", answers),
		{"vanished", "498", 10, "soak_uac_vanished.xml", second, "sip:%s", []string{"soak_uas_vanished.xml"}, tooLong, true, one},
	}
}

// id is the Call-ID of the call with that number, from 1.
func (k *soakKind) id(number int) string { return fmt.Sprintf("%s-%d@soak", k.name, number) }

// sipp is the caller of n calls at a rate.
func (k *soakKind) sipp(target string, n, rate int) peer.SIPP {
	return peer.SIPP{
		Scenario: k.caller, Target: target, Number: k.prefix + "30123", Calls: n, Rate: rate, Hold: k.hold, Load: true,
		Timeout: time.Duration(n/rate)*time.Second + time.Minute, Args: soakArgs("-cid_str", k.name+"-%u@soak"),
	}
}

// soakLost is how many of 100 datagrams each side of a call loses, of those that it sends and of those that come.
var soakLost = flag.Int("soak.lost", 2, "how many of 100 datagrams each peer of the soak loses, of those that it sends and of those that come")

// soakArgs make a sipp lose datagrams, and know repetitions by their transaction.
func soakArgs(more ...string) []string {
	return append([]string{"-lost", strconv.Itoa(*soakLost), "-rtcheck", "loose"}, more...)
}

// usual tells whether a record is that of a call of this kind as it should go.
func (k *soakKind) usual(r soakRecord) bool {
	return r.soakEnd == k.end && k.connected == (r.seconds > 0) && k.legs.MatchString(r.legs)
}

// possible tells whether a record is one that a call of this kind may leave when datagrams are lost for good.
func (k *soakKind) possible(r soakRecord) bool {
	if r.seconds > 0 { // a refusal that was lost for longer than NextTargetAfter is a leg without an answer
		return k.connected && (r.soakEnd == k.end || r.soakEnd == tooLong) && r.seconds <= 8*slack
	}
	return r.soakEnd == rangTooLong || r.soakEnd == nobodyAnswers || r.soakEnd == gaveUp && !k.connected
}
