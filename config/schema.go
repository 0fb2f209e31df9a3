package config

// Schema is every section that the program knows. Checking, defaults, hints, the sample file and the tables in the
// docs are made from it.
type Schema []SectionDecl

// SectionDecl declares one section.
type SectionDecl struct {
	Name      string
	Doc       string // a sentence or two
	Keys      []Key
	Open      *Key // further keys are legal, each of this form; its Name stands for them in the docs ("PREFIX")
	Instances bool // "NAME:anything" is such a section too
	Foreign   []Foreign
}

// Foreign is a key of another program that operators will have in their files and that has no effect here.
type Foreign struct{ Name, Reason string }

// Check finds unknown sections and keys, repeated keys and bad values, and binds each section of f to its
// declaration. Foreign keys are warnings.
func (s Schema) Check(f *File) Problems { return nil }

// Section is the bound section of that name; one with only defaults if the file has none.
func (s Schema) Section(f *File, name string) *Section { return nil }
