package config

import "strings"

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
	NoEffect  string // of a section of another program that has no effect here: the reason
}

// Foreign is a key of another program that operators will have in their files and that has no effect here.
type Foreign struct{ Name, Reason string }

// Section is the bound section of that name; one with only defaults if the file has none. A name that the schema does
// not know gives a section without any declared key.
func (s Schema) Section(f *File, name string) *Section {
	section := f.Section(name)
	if section == nil {
		section = &Section{File: f.Path, Name: name}
	}
	if section.decl == nil {
		section.decl, _ = s.find(name)
	}
	return section
}

// find is the declaration of a section, nil if there is none, and the name of the instance in NAME:INSTANCE.
func (s Schema) find(name string) (decl *SectionDecl, instance string) {
	for i := range s {
		if same(s[i].Name, name) {
			return &s[i], ""
		}
	}
	for i := range s {
		prefix := len(s[i].Name) + 1
		if s[i].Instances && len(name) >= prefix && same(name[:prefix], s[i].Name+":") {
			return &s[i], name[prefix:]
		}
	}
	return nil, ""
}

// key is the declaration of a key, nil if there is none.
func (d *SectionDecl) key(name string) *Key {
	for i := range d.Keys {
		if same(d.Keys[i].Name, name) {
			return &d.Keys[i]
		}
	}
	return d.Open
}

func (d *SectionDecl) foreign(name string) *Foreign {
	for i := range d.Foreign {
		if same(d.Foreign[i].Name, name) {
			return &d.Foreign[i]
		}
	}
	return nil
}

// names are the names of all keys, those with an effect first.
func (d *SectionDecl) names() []string {
	var names []string
	for _, k := range d.Keys {
		names = append(names, k.Name)
	}
	for _, f := range d.Foreign {
		names = append(names, f.Name)
	}
	return names
}

// names are the names of all sections that name could be a misspelling of, instances included.
func (s Schema) names(name string) []string {
	var names []string
	colon := strings.LastIndexByte(name, ':')
	for _, d := range s {
		names = append(names, d.Name)
		if d.Instances && colon > 0 {
			names = append(names, d.Name+name[colon:])
		}
	}
	return names
}
