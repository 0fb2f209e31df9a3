package test

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// ini is a configuration file that a test changes line by line; what it does not touch stays as it is.
type ini struct{ lines []string }

func readINI(t testing.TB, path string) *ini {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return &ini{lines: strings.Split(strings.TrimRight(string(content), "\n"), "\n")}
}

func (f *ini) String() string { return strings.Join(f.lines, "\n") + "\n" }

// section gives the line of the section's header, -1 if there is none, and the line behind its last one.
func (f *ini) section(name string) (head, end int) {
	head = slices.IndexFunc(f.lines, func(l string) bool { return strings.EqualFold(strings.TrimSpace(l), "["+name+"]") })
	if head < 0 {
		return -1, -1
	}
	next := slices.IndexFunc(f.lines[head+1:], func(l string) bool { return strings.HasPrefix(l, "[") })
	if next < 0 {
		return head, len(f.lines)
	}
	return head, head + 1 + next
}

// find gives the line of a key, -1 if the section does not set it.
func (f *ini) find(section, key string) int {
	head, end := f.section(section)
	for i := head + 1; head >= 0 && i < end; i++ {
		if name, _, ok := strings.Cut(f.lines[i], "="); ok && strings.EqualFold(strings.TrimSpace(name), key) {
			return i
		}
	}
	return -1
}

func (f *ini) has(section string) bool {
	head, _ := f.section(section)
	return head >= 0
}

// get is the value of a key, "" without one.
func (f *ini) get(section, key string) string {
	i := f.find(section, key)
	if i < 0 {
		return ""
	}
	_, value, _ := strings.Cut(f.lines[i], "=")
	return strings.TrimSpace(value)
}

// set changes the value of a key; a key or a section that is missing is added.
func (f *ini) set(section, key, value string) {
	line := key + "=" + value
	if i := f.find(section, key); i >= 0 {
		f.lines[i] = line
		return
	}
	head, _ := f.section(section)
	if head < 0 {
		f.lines = append(f.lines, "", "["+section+"]", line)
		return
	}
	f.lines = slices.Insert(f.lines, head+1, line)
}

// remove takes the key's line out.
func (f *ini) remove(section, key string) {
	if i := f.find(section, key); i >= 0 {
		f.lines = slices.Delete(f.lines, i, i+1)
	}
}
