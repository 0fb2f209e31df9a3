package main

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// layers are the packages in the order in which they may know each other: each imports only what stands below it, and
// of its own layer only what is named in beside.
var layers = [][]string{
	{"cmd/tollgate", "cmd/tollgate/call"},
	{"gatekeeper/sip", "modules/fileacct", "modules/radacct", "modules/sqlacct", "modules/syslogacct", "modules/statusacct", "statusport", "monitor"},
	{"gatekeeper", "gatekeeper/limits", "gatekeeper/sip/blocklist", "gatekeeper/sip/routes", "gatekeeper/sip/sessiontimer", "journal", "journal/seglog", "radius", "sqldb", "wheel"},
	{"acctstack"},
	{"cdr", "config"},
	{"packed", "bootclock", "crashpoint"},
}

var beside = map[string][]string{
	"cmd/tollgate": {"cmd/tollgate/call"},
	"gatekeeper":   {"wheel", "gatekeeper/limits"},
	"journal":      {"journal/seglog"},
}

func TestImportsPointOneWay(t *testing.T) {
	level := map[string]int{}
	for i, layer := range layers {
		for _, name := range layer {
			level["tollgate/"+name] = i + 1
		}
	}
	for _, p := range listPackages(t) {
		at, known := level[p.ImportPath]
		if isTestOnly(p.ImportPath) {
			continue
		}
		if !known && !strings.HasPrefix(p.ImportPath, "tollgate/radius/") {
			t.Errorf("%s stands in no layer", p.ImportPath)
		}
		for _, imported := range p.Imports {
			if !strings.HasPrefix(imported, "tollgate/") || strings.HasPrefix(imported, "tollgate/radius/") {
				continue
			}
			if isTestOnly(imported) {
				t.Errorf("%s imports %s, which is for tests", p.ImportPath, imported)
			} else if below := level[imported]; below <= at && !slices.Contains(beside[strings.TrimPrefix(p.ImportPath, "tollgate/")], strings.TrimPrefix(imported, "tollgate/")) {
				t.Errorf("%s must not import %s", p.ImportPath, imported)
			}
		}
	}
}

func isTestOnly(path string) bool {
	return path == "tollgate/test" || strings.HasPrefix(path, "tollgate/test/") || path == "tollgate/bench" || path == "tollgate/acctstack/stacktest" || path == "tollgate/journal/seglog/faultfs"
}

type goPackage struct {
	ImportPath string
	Imports    []string
}

func listPackages(t *testing.T) []goPackage {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports", "./...")
	cmd.Dir = "../.."
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var packages []goPackage
	for decoder := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p goPackage
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return packages
		} else if err != nil {
			t.Fatal(err)
		}
		packages = append(packages, p)
	}
}
