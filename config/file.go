package config

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

// Load reads the file at path. The error is a Problems with every line that cannot be read as INI.
func Load(path string) (*File, error) { return nil, nil }

// Parse reads content as Load would; path is for messages only.
func Parse(path string, content []byte) (*File, error) { return nil, nil }

// Section is the section of that name without regard to case, nil if the file has none.
func (f *File) Section(name string) *Section { return nil }
