package config

// Problem is one mistake in a file, or a warning, with its place.
type Problem struct {
	File    string
	Line    int // 0: the file as a whole
	Text    string
	Warning bool
}

// String is "FILE:LINE: text", with "warning: " before the text of a warning.
func (p Problem) String() string { return "" }

// Problems are all mistakes of a file, in the order of their lines. It is an error when it holds one.
type Problems []Problem

// Error has a line for each problem.
func (ps Problems) Error() string { return "" }

// Err is ps if it holds anything but warnings, else nil.
func (ps Problems) Err() error { return nil }
