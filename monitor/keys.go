package monitor

import (
	"fmt"
	"net"
	"strconv"

	"tollgate/config"
)

// Section is the name of the section.
const Section = "Monitor"

// Settings are what [Monitor] says. A change needs a restart.
type Settings struct {
	Listen string // HOST:PORT; "" if there is no monitor
}

// Decl declares [Monitor].
func Decl() config.SectionDecl {
	return config.SectionDecl{
		Name: Section,
		Doc:  "Metrics for Prometheus (/metrics) and the state of the process (/healthz, /readyz), over HTTP.",
		Keys: Keys(),
	}
}

// Keys are the keys of [Monitor].
func Keys() []config.Key {
	return []config.Key{
		{
			Name: "Listen", Kind: config.String, Example: "127.0.0.1:9690", Check: checkListen,
			Doc: "HOST:PORT of the monitor; nothing listens if it is empty. It asks for no password: keep it on a loopback or management address.",
		},
	}
}

// ParseSettings reads the bound section. The settings are of use only if the problems hold no error.
func ParseSettings(sec *config.Section) (Settings, config.Problems) {
	listen := sec.Text("Listen")
	if listen == "" {
		return Settings{}, nil
	}
	if err := checkListen(listen); err != nil {
		return Settings{}, config.Problems{sec.Problem("Listen", "Listen: %v", err)}
	}
	return Settings{Listen: listen}, nil
}

func checkListen(raw string) error {
	if raw == "" {
		return nil
	}
	host, port, err := net.SplitHostPort(raw)
	if err != nil {
		return fmt.Errorf("%q is not of the form HOST:PORT, such as 127.0.0.1:9690 or [::1]:9690", raw)
	}
	if host == "" {
		return fmt.Errorf("%q names no address; write 127.0.0.1%s, or 0.0.0.0%[2]s or [::]%[2]s for every address", raw, raw)
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return fmt.Errorf("%q is not a port; allowed: 1 to 65535", port)
	}
	return nil
}
