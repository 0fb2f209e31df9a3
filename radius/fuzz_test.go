package radius

import (
	"sync"
	"testing"

	layeh "layeh.com/radius"
)

// FuzzReceive gives any datagram to a socket on which requests wait. Only an authentic one may end a request, and the
// client must stay as it was otherwise.
func FuzzReceive(f *testing.F) {
	authenticator := [16]byte{1, 2, 3}
	request := append([]byte{4, 7, 0, 20}, authenticator[:]...)
	f.Add(reply(request, layeh.CodeAccountingResponse, nil))
	f.Add(reply(request, codeProtocolError, []byte{101, 6, 0, 0, 1, 0x96}))
	f.Add(reply(request, layeh.CodeAccountingResponse, []byte{101, 3, 1, 0}))
	f.Add(reply(request, layeh.CodeAccountingResponse, []byte{26, 1}))
	f.Add([]byte{5, 7, 0, 20})
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, datagram []byte) {
		if len(datagram) > maxPacket {
			return
		}
		config := testConfig()
		s := newServer(Server{Host: "127.0.0.1", AcctPort: 1813, Secret: testSecret}, &config, new(sync.WaitGroup))
		wake := make(chan struct{}, 1)
		at := &attempt{server: s, wake: wake, state: waiting}
		sock := &socket{}
		sock.slots[7] = slot{at, authenticator}
		before := string(datagram)
		s.receive(sock, append(make([]byte, 0, 2*maxPacket), datagram...))
		ended := at.state != waiting
		if ended != (len(wake) == 1) || ended != (s.responses.Load() == 1) {
			t.Errorf("state %d, %d tokens, %d responses", at.state, len(wake), s.responses.Load())
		}
		if n := s.responses.Load() + s.malformed.Load() + s.badAuthenticators.Load() + s.late.Load(); n != 1 {
			t.Errorf("the datagram was counted %d times", n)
		}
		if ended && !layeh.IsAuthenticResponse([]byte(before)[:20+lengthOf(before)], request, []byte(testSecret)) {
			t.Error("an answer that is not authentic has ended the request")
		}
	})
}

// lengthOf is the length of a packet's attributes.
func lengthOf(packet string) int { return int(packet[2])<<8 + int(packet[3]) - 20 }
