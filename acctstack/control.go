package acctstack

import "strings"

// Control says what a module's result means for the event, with GnuGk's words.
type Control uint8

// The controls.
const (
	Required    Control = iota // must succeed; the walk goes on
	Optional                   // may fail; the walk goes on
	Sufficient                 // success ends the walk, failure is final
	Alternative                // success ends the walk, failure is forgiven
)

var controlNames = [...]string{"required", "optional", "sufficient", "alternative"}

// String is the control's name in the INI file.
func (c Control) String() string { return controlNames[c] }

// terminal tells whether success ends the walk.
func (c Control) terminal() bool { return c == Sufficient || c == Alternative }

// ParseControl finds a control by its name, without case.
func ParseControl(name string) (Control, bool) {
	for c, n := range controlNames {
		if strings.EqualFold(n, name) {
			return Control(c), true
		}
	}
	return 0, false
}

// Result is what a module answered.
type Result uint8

// The results. The stack treats Next like Fail, as GnuGk does.
const (
	OK Result = iota
	Fail
	Next
)

var resultNames = [...]string{"ok", "fail", "next"}

// String is the result's name.
func (r Result) String() string { return resultNames[r] }
