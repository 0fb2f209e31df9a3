package main

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"tollgate/test/peer"
)

// profile has perf(1) watch a subject, if that was asked for, until the returned function is called. It costs the subject
// some time: such runs tell where the time goes, not how much it is.
func (b *bench) profile(name string, subject *peer.Process, dir string) (stop func(), err error) {
	if b.perf == "" || name == nameKamailio {
		return func() {}, nil
	}
	name = strings.NewReplacer(" ", "", ",", "-", "=", "").Replace(name)
	file := filepath.Join(b.perf, fmt.Sprintf("%s-%s.perf", name, time.Now().Format("150405")))
	perf, err := peer.Start(dir, "perf", "record", "-q", "-F", "999", "-g", "-o", file, "-p", strconv.Itoa(subject.PID()))
	if err != nil {
		return nil, err
	}
	b.logf("profile: perf report --no-children -g none -i %s", file)
	return func() { perf.Stop(syscall.SIGINT) }, nil
}
