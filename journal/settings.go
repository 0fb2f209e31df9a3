package journal

import (
	"time"

	"tollgate/config"
)

// WhenFull is what becomes of a new call that the journal has no room for.
type WhenFull uint8

// The choices of [Journal] WhenFull.
const (
	RefuseCalls WhenFull = iota // the call is refused: nothing is granted that could be lost
	KeepCalls                   // the call is granted without a journal: a crash loses its records
)

// Settings are the keys of [Journal].
type Settings struct {
	Sync         config.Sync
	WhenFull     WhenFull
	LedgerKeep   time.Duration // how long answers of modules are kept; 0: there is no ledger
	SegmentSize  int64         // bytes
	NoCalls      bool          // calls are not written; kept events are
	DeliveryRate int           // events per second and instance for late delivery; 0: no limit
}

const (
	minSegmentSize = 64 << 10
	maxSegmentSize = 1 << 30
	keepCalls      = "keep-calls"
)

// Keys declares the section [Journal].
func Keys() []config.Key {
	return []config.Key{
		{Name: "Sync", Kind: config.String, Default: "always", Check: checkSync,
			Doc: "When the journal is forced to the disk: always (before a call goes on), interval:TIME, or none."},
		{Name: "WhenFull", Kind: config.Enum, Default: "refuse-calls", Values: []string{"refuse-calls", keepCalls},
			Doc: "What becomes of a new call that the journal has no room for: it is refused, or granted without a journal."},
		{Name: "Calls", Kind: config.Bool, Default: "1",
			Doc: "Whether running calls are written, so that they survive a crash and OnShutdown=keep; 0 keeps them in memory only."},
		{Name: "LedgerKeep", Kind: config.Duration, Default: "48h", Unit: "s",
			Doc: "How long the answers of the modules are kept to be looked up; 0 keeps none."},
		{Name: "SegmentSize", Kind: config.Int, Default: "8388608", Unit: "bytes", Min: minSegmentSize, Max: maxSegmentSize,
			Doc: "The size of the journal's files."},
		{Name: "DeliveryRate", Kind: config.Int, Default: "1000", Unit: "events/s", Min: 0, Max: 1000000,
			Doc: "How many kept events per second an instance gets when it is back; 0 is no limit."},
	}
}

func checkSync(raw string) error {
	_, err := config.ParseSync(raw)
	return err
}

// ParseSettings reads the section, which was checked against Keys.
func ParseSettings(section *config.Section) (Settings, error) {
	sync, err := config.ParseSync(section.Text("Sync"))
	if err != nil {
		return Settings{}, config.Problems{section.Problem("Sync", "Sync: %v", err)}
	}
	s := Settings{
		Sync:         sync,
		LedgerKeep:   section.Duration("LedgerKeep"),
		SegmentSize:  (section.Int("SegmentSize") + 7) &^ 7, // a log aligns its records
		DeliveryRate: int(section.Int("DeliveryRate")),
		NoCalls:      !section.Bool("Calls"),
	}
	if section.Text("WhenFull") == keepCalls {
		s.WhenFull = KeepCalls
	}
	return s, nil
}
