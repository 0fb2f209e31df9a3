package seglog_test

import (
	"encoding/binary"
	"hash/crc32"
	"os"
	"testing"
)

// rewriteHeader changes the header of a segment and makes its CRC right again.
func rewriteHeader(t *testing.T, file string, change func(b []byte)) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	change(b)
	table := crc32.MakeTable(crc32.Castagnoli)
	binary.LittleEndian.PutUint32(b[12:], crc32.Update(crc32.Update(0, table, b[:12]), table, b[16:64]))
	if err := os.WriteFile(file, b, 0o640); err != nil {
		t.Fatal(err)
	}
}
