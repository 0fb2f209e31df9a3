package peer

import (
	"bufio"
	"fmt"
	"os"
	"strings"
)

// Listening tells whether some program has bound the port of 127.0.0.1 or of all addresses, for network "udp" or "tcp".
// It asks the kernel's table, so that the program sees nothing of it.
func Listening(network string, port int) bool {
	f, err := os.Open("/proc/net/" + network)
	if err != nil {
		return false
	}
	defer f.Close()
	suffix := fmt.Sprintf(":%04X", port)
	for lines := bufio.NewScanner(f); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) > 3 && strings.HasSuffix(fields[1], suffix) && (network == "udp" || fields[3] == "0A") {
			return true
		}
	}
	return false
}
