package peer

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// ReadMessages are the messages that a sipp with its files in dir has received so far, without Load. One that came
// several times, as UDP has it, is there once.
func ReadMessages(dir string) ([]string, error) {
	content, err := os.ReadFile(filepath.Join(dir, messageFile))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the messages of sipp: %w", err)
	}
	return parseMessages(string(content)), nil
}

// parseMessages reads sipp's -trace_msg: a line of dashes with the time, a line that tells whether the message was sent or
// received, an empty line, and the message. The last one may not be complete yet, and is left out then.
func parseMessages(content string) []string {
	var list []string
	for _, part := range strings.Split(content, "-----------------------------------------------")[1:] {
		_, part, _ = strings.Cut(part, "\n")
		what, message, ok := strings.Cut(part, "\n\n")
		if !ok || !strings.Contains(what, "received") || !strings.Contains(message, "\r\n\r\n") {
			continue
		}
		if message = strings.TrimSpace(message); !slices.Contains(list, message) {
			list = append(list, message)
		}
	}
	return list
}
