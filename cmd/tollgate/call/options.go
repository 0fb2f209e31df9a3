package call

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"net"
	"net/netip"
	"strings"
	"time"
)

// options are the arguments of tollgate call.
type options struct {
	gatekeeper string // host:port
	callee     string // host:port, or none
	from, to   string
	password   string
	calls      int
	rate       float64 // calls per second
	hold       time.Duration
	ring       time.Duration
	wait       time.Duration
}

const usage = `Usage: tollgate call [flags]

Places calls through a gatekeeper, answers them as well, and prints what became of them. The exit code is 0 if every call
was answered.

`

func parse(args []string, out io.Writer) (*options, error) {
	o := new(options)
	fs := flag.NewFlagSet("call", flag.ContinueOnError)
	fs.SetOutput(out)
	fs.Usage = func() {
		fmt.Fprint(out, usage)
		fs.PrintDefaults()
	}
	fs.StringVar(&o.gatekeeper, "gatekeeper", "127.0.0.1:5060", "UDP `address` of the gatekeeper")
	fs.StringVar(&o.callee, "callee", "127.0.0.1:5070", "UDP `address` where calls are answered, or none")
	fs.StringVar(&o.from, "from", "alice", "the caller's `user` name")
	fs.StringVar(&o.to, "to", "4930123", "the `number` that is dialled")
	fs.StringVar(&o.password, "password", "", "the caller's `password`, if the gatekeeper asks for one")
	fs.IntVar(&o.calls, "n", 1, "how `many` calls; 0 = place none, only answer")
	fs.Float64Var(&o.rate, "rate", 1, "new calls per `second`")
	fs.DurationVar(&o.hold, "hold", 2*time.Second, "`time` from answer to hang-up")
	fs.DurationVar(&o.ring, "ring", 500*time.Millisecond, "`time` for which the callee rings")
	fs.DurationVar(&o.wait, "wait", time.Minute, "`time` after which the caller gives up")
	if err := fs.Parse(args); err != nil {
		return nil, err
	}
	if err := o.check(fs.Args()); err != nil {
		return nil, fmt.Errorf("call: %w", err)
	}
	return o, nil
}

func (o *options) answers() bool { return o.callee != "none" }

func (o *options) check(rest []string) error {
	if len(rest) > 0 {
		return fmt.Errorf("unexpected argument %q", rest[0])
	}
	if err := checkAddress(o.gatekeeper); err != nil {
		return fmt.Errorf("-gatekeeper %q: %w", o.gatekeeper, err)
	}
	if o.answers() {
		if _, err := netip.ParseAddrPort(o.callee); err != nil {
			return fmt.Errorf("-callee %q: want IP:PORT or none", o.callee)
		}
	} else if o.calls == 0 {
		return errors.New("-n 0 with -callee none leaves nothing to do")
	}
	if o.calls < 0 {
		return fmt.Errorf("-n %d: want 0 or more", o.calls)
	}
	if !(o.rate > 0) || math.IsInf(o.rate, 0) {
		return fmt.Errorf("-rate %v: want more than 0", o.rate)
	}
	if o.hold < 0 || o.ring < 0 || o.wait <= 0 {
		return errors.New("-hold, -ring and -wait: want a time such as 2s or 500ms")
	}
	if !userName(o.from) || !userName(o.to) {
		return errors.New("-from and -to: want letters, digits and -_.!~*'()&=+$,;?/")
	}
	return nil
}

func checkAddress(addr string) error {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return err
	}
	if host == "" || port == "" {
		return errors.New("want HOST:PORT")
	}
	return nil
}

// userName tells whether s can stand in a SIP URI as it is (RFC 3261 25.1, user without escapes).
func userName(s string) bool {
	for _, c := range []byte(s) {
		switch {
		case c >= '0' && c <= '9', c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z':
		case strings.IndexByte("-_.!~*'()&=+$,;?/", c) >= 0:
		default:
			return false
		}
	}
	return s != ""
}
