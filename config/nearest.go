package config

import (
	"fmt"
	"unicode/utf8"
)

// maxDistance is how many mistakes a name may hold and still be recognised.
const maxDistance = 3

// Nearest is the name of known that is most likely meant by name, "" if none is near. One mistake in three characters is
// near: a character too much, missing, wrong, or two exchanged; case does not count. Of equally near ones the first wins.
func Nearest(name string, known []string) string {
	limit := min(max(1, utf8.RuneCountInString(name)/3), maxDistance)
	nearest := ""
	a := []rune(fold(name))
	for _, candidate := range known {
		b := []rune(fold(candidate))
		if len(b)-len(a) > limit || len(a)-len(b) > limit {
			continue
		}
		// At least one character must be right, or every name of one letter would be near every other.
		if d := distance(a, b); d <= limit && d < max(len(a), len(b)) {
			nearest, limit = candidate, d-1
		}
	}
	return nearest
}

// distance is the number of edits that turn a into b (optimal string alignment).
func distance(a, b []rune) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := range a {
		row[0] = i + 1
		for j := range b {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			row[j+1] = min(last[j+1]+1, row[j]+1, last[j]+cost)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}

// Hint is the end of a message about an unknown name: "; did you mean ...?" with the nearest known one, or nothing.
func Hint(name string, known []string) string {
	if near := Nearest(name, known); near != "" {
		return fmt.Sprintf("; did you mean %q?", near)
	}
	return ""
}
