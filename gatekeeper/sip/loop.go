package sip

import (
	"encoding/binary"
	"encoding/hex"
	"hash/maphash"
	"iter"
)

// loopMark is what a proxy adds to its branches to know a request again that comes back unchanged in what its way depends
// on (RFC 5393 4.2.1): Request-URI, Route set, Proxy-Require, From and To tags, Call-ID and CSeq number.
func (f *Front) loopMark(m *message) uint32 {
	var h maphash.Hash
	h.SetSeed(f.seed)
	for _, part := range [...][]byte{m.uri, m.fromTag, m.toTag, m.callID, m.methodName} {
		_, _ = h.Write(part)
		_ = h.WriteByte(0)
	}
	var cseq [4]byte
	binary.BigEndian.PutUint32(cseq[:], m.cseq)
	_, _ = h.Write(cseq[:])
	for i := range m.headers {
		if id := m.headers[i].id; id == hdrRoute || id == hdrProxyRequire {
			_, _ = h.Write(m.value(&m.headers[i]))
			_ = h.WriteByte(0)
		}
	}
	return uint32(h.Sum64()) | 1 // never 0
}

// isLoop tells whether the request has been here before just as it is.
func (s *shard) isLoop(m *message) bool {
	var own uint32
	for branch := range m.branches() {
		_, mark, ok := parseBranch(branch)
		if !ok || mark == 0 {
			continue
		}
		if own == 0 {
			own = s.front.loopMark(m)
		}
		if mark == own {
			return true
		}
	}
	return false
}

// branches goes through the branches of all Vias, the topmost first, up to one that cannot be read.
func (m *message) branches() iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for i := range m.headers {
			if m.headers[i].id != hdrVia {
				continue
			}
			for rest := m.value(&m.headers[i]); len(rest) > 0; {
				var v via
				if v.parse(rest) != nil || !yield(v.branch) {
					return
				}
				rest = rest[min(len(v.element)+1, len(rest)):]
			}
		}
	}
}

// A branch of ours is the magic cookie, the number of the transaction, and a loop mark if the request is outside of a dialog.
const (
	branchDigits = 16
	loopDigits   = 8
)

// parseBranch reads a branch of ours. The mark is 0 if it has none.
func parseBranch(b []byte) (number uint64, loop uint32, ok bool) {
	n := len(magicCookie) + branchDigits
	if len(b) != n && len(b) != n+1+loopDigits || string(b[:len(magicCookie)]) != magicCookie {
		return 0, 0, false
	}
	var raw [8]byte
	if _, err := hex.Decode(raw[:], b[len(magicCookie):n]); err != nil {
		return 0, 0, false
	}
	number = binary.BigEndian.Uint64(raw[:])
	if len(b) == n {
		return number, 0, true
	}
	if _, err := hex.Decode(raw[:4], b[n+1:]); err != nil || b[n] != '.' {
		return 0, 0, false
	}
	return number, binary.BigEndian.Uint32(raw[:4]), true
}

func appendBranch(dst []byte, number uint64, loop uint32) []byte {
	var raw [8]byte
	binary.BigEndian.PutUint64(raw[:], number)
	dst = hex.AppendEncode(append(dst, magicCookie...), raw[:])
	if loop == 0 {
		return dst
	}
	binary.BigEndian.PutUint32(raw[:], loop)
	return hex.AppendEncode(append(dst, '.'), raw[:4])
}
