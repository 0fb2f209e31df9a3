package config

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/ini.v1"
)

// batch is how many lines ini.v1 gets at once: its time grows with the square of the number of keys.
const batch = 500

// options make ini.v1 leave values alone; by default it would cut "alternative;start,stop" at the semicolon.
func options() ini.LoadOptions {
	return ini.LoadOptions{
		IgnoreInlineComment:        true,
		IgnoreContinuation:         true,
		PreserveSurroundedQuote:    true,
		AllowShadows:               true,
		AllowDuplicateShadowValues: true,
		KeyValueDelimiters:         "=",
		ChildSectionDelimiter:      "\x00",
	}
}

// assemble makes the file of lines that scan found legible.
//
// No option of ini.v1 turns off its own meaning of a value that begins with a backtick or three quotes (a string over
// several lines), of a key in quotes, of the key "-" (a counter) and of the section DEFAULT; and it knows no line numbers.
// Therefore each line reaches it in a form that has none of these beginnings and is unique: "12:Name =|value".
func assemble(path string, lines []line) (*File, error) {
	file := &File{Path: path}
	for part := range slices.Chunk(lines, batch) {
		loaded, err := ini.LoadSources(options(), encode(part))
		if err != nil {
			return nil, fmt.Errorf("reading lines %d to %d: %w", part[0].number, part[len(part)-1].number, err)
		}
		for _, s := range loaded.Sections() {
			// The default section holds what stands before the first header of this part: keys of the last section of the
			// part before. A header [DEFAULT] is not meant, as it arrives as "12:DEFAULT".
			if s.Name() != ini.DefaultSection {
				number, name := untag(s.Name())
				file.Sections = append(file.Sections, &Section{File: path, Name: name, Line: number})
			}
			for _, key := range s.Keys() {
				number, name := untag(key.Name())
				last := file.Sections[len(file.Sections)-1]
				value := strings.TrimSpace(strings.TrimPrefix(key.Value(), "|"))
				last.Entries = append(last.Entries, Entry{Name: name, Value: value, Line: number})
			}
		}
	}
	return file, nil
}

func encode(lines []line) []byte {
	var text []byte
	for _, l := range lines {
		if l.header {
			text = append(text, '[')
		}
		text = strconv.AppendInt(text, int64(l.number), 10)
		text = append(text, ':')
		text = append(text, l.name...)
		if l.header {
			text = append(text, ']')
		} else {
			text = append(text, "=|"...)
			text = append(text, l.value...)
		}
		text = append(text, '\n')
	}
	return text
}

func untag(tagged string) (number int, name string) {
	tag, name, _ := strings.Cut(tagged, ":")
	number, _ = strconv.Atoi(tag)
	return number, name
}
