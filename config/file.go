package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// How large a file may be: in bytes, and in lines, each of which may be a problem to report.
const (
	MaxSize  = 4 << 20
	MaxLines = 200_000
)

// File is an INI file as it stands: sections and entries in file order, values raw.
type File struct {
	Path     string
	Sections []*Section
}

// Entry is one line NAME=VALUE.
type Entry struct {
	Name  string // as spelled in the file
	Value string // raw; only the blanks around it are cut
	Line  int
}

// Load reads the file at path. The error is a Problems with every line that cannot be read as INI, every section and key
// that is given twice, or the one reason why there is nothing to read.
//
// Where there was something to read, the File comes with the error and holds all that was legible, so that Schema.Check
// can find the other mistakes in the same run.
func Load(path string) (*File, error) {
	content, err := read(path)
	if err != nil {
		return nil, whole(path, "%v", err)
	}
	return Parse(path, content)
}

// read gives at most one byte more than MaxSize: enough to see that a file is too large. The error is without the path,
// as that begins the message.
func read(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, bare("opening the file", err)
	}
	defer file.Close()
	content, err := io.ReadAll(io.LimitReader(file, MaxSize+1))
	if err != nil {
		return nil, bare("reading the file", err)
	}
	return content, nil
}

func bare(doing string, err error) error {
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		err = pathErr.Err
	}
	return fmt.Errorf("%s: %w", doing, err)
}

// Parse reads content as Load would; path is for messages only.
func Parse(path string, content []byte) (*File, error) {
	if len(content) > MaxSize {
		return nil, whole(path, "the file is larger than %d MiB", MaxSize>>20)
	}
	if bytes.Count(content, []byte("\n")) > MaxLines {
		return nil, whole(path, "the file has more than %d lines", MaxLines)
	}
	text, ok := cutMark(string(content))
	if !ok {
		return nil, whole(path, "the file is UTF-16; it must be UTF-8 or another superset of ASCII")
	}
	lines, problems := scan(path, text)
	file, err := assemble(path, lines)
	if err != nil {
		return nil, whole(path, "%v", err)
	}
	problems = append(problems, file.repeated()...)
	problems.Sort()
	return file, problems.Err()
}

// whole is a problem of the file as a whole.
func whole(path, format string, args ...any) Problems {
	return Problems{{File: path, Text: fmt.Sprintf(format, args...)}}
}

// Section is the section of that name without regard to case, nil if the file has none.
func (f *File) Section(name string) *Section {
	for _, s := range f.Sections {
		if same(s.Name, name) {
			return s
		}
	}
	return nil
}

// repeated finds sections and keys that are given twice. GnuGk merges such sections and takes the last of such keys,
// which hides half of what the operator reads in the file.
func (f *File) repeated() Problems {
	var problems Problems
	sections := map[string]int{}
	for _, s := range f.Sections {
		problems = append(problems, s.repeated()...)
		if s.Name == "" {
			continue
		}
		if first, given := sections[fold(s.Name)]; given {
			problems = append(problems, Problem{File: f.Path, Line: s.Line,
				Text: fmt.Sprintf("section %s given twice, first in line %d", title(s.Name), first)})
			continue
		}
		sections[fold(s.Name)] = s.Line
	}
	return problems
}

func (s *Section) repeated() Problems {
	var problems Problems
	keys := make(map[string]int, len(s.Entries))
	for _, e := range s.Entries {
		first, given := keys[fold(e.Name)]
		if !given {
			keys[fold(e.Name)] = e.Line
			continue
		}
		problems = append(problems, Problem{File: s.File, Line: e.Line,
			Text: fmt.Sprintf("key %s in %s given twice, first in line %d", quote(e.Name), title(s.Name), first)})
	}
	return problems
}
