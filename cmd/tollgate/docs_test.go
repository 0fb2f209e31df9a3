package main

import (
	"bytes"
	"flag"
	"io"
	"os"
	"path/filepath"
	"testing"
)

var update = flag.Bool("update", false, "write the generated files anew")

// The files that are generated from the declarations of the keys.
const (
	referenceINI = "../../etc/reference.ini"
	keyTables    = "../../docs/keys.md"
)

const tablesHead = "# Sections and keys\n\nGenerated from the declarations (`go test ./cmd/tollgate -update`). `tollgate keys` prints the same as an INI file,\n" +
	"[etc/reference.ini](../etc/reference.ini).\n\n"

func TestGeneratedFiles(t *testing.T) {
	compare(t, referenceINI, "", declarations().WriteSample)
	compare(t, keyTables, tablesHead, declarations().WriteTables)
}

func compare(t *testing.T, path, head string, write func(io.Writer) error) {
	var want bytes.Buffer
	want.WriteString(head)
	if err := write(&want); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(path, want.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want.Bytes()) {
		t.Errorf("%s is not what the declarations say; run: go test ./cmd/tollgate -update", path)
	}
}

func TestDeclarations(t *testing.T) {
	if err := declarations().Verify(); err != nil {
		t.Error(err)
	}
}

// Every file in etc is one that the program takes.
func TestSampleFiles(t *testing.T) {
	files, err := filepath.Glob("../../etc/*.ini")
	if err != nil || len(files) < 5 {
		t.Fatalf("found %d files (%v)", len(files), err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			var out, problems bytes.Buffer
			if err := run([]string{"check", "-strict", "-c", file}, &out, &problems); err != nil {
				t.Errorf("%v\n%s", err, &problems)
			}
		})
	}
}
