package acctstack

// Control says what a module's result means for the event, with GnuGk's words.
type Control uint8

// The controls.
const (
	Required    Control = iota // must succeed; the walk goes on
	Optional                   // may fail; the walk goes on
	Sufficient                 // success ends the walk, failure is final
	Alternative                // success ends the walk, failure is forgiven
)

// Result is what a module answered.
type Result uint8

// The results. The stack treats Next like Fail, as GnuGk does.
const (
	OK Result = iota
	Fail
	Next
)
