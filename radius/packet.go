package radius

import (
	"crypto/md5"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"time"

	layeh "layeh.com/radius"
	"layeh.com/radius/rfc2866"
	"layeh.com/radius/rfc3576"
)

// codeProtocolError is Protocol-Error (RFC 7930 4), which layeh's package does not know.
const codeProtocolError layeh.Code = 52

// delayLength is the room that Acct-Delay-Time takes.
const delayLength = 6

// Errors about an answer that is none: it is dropped and counted, and waiting goes on.
var (
	errMalformed = errors.New("malformed packet")
	errCode      = errors.New("no answer to an Accounting-Request")
)

// appendRequest writes an Accounting-Request (RFC 2866 4.1) over buf: the attributes, Acct-Delay-Time, and the Request
// Authenticator, which is the MD5 of the packet with sixteen zeros in its place and the secret behind it. The packet's
// capacity holds the secret, so that nothing is allocated.
func appendRequest(buf []byte, id uint8, attributes []byte, delay uint32, secret []byte) []byte {
	length := headerLength + len(attributes) + delayLength
	buf = append(buf[:0], byte(layeh.CodeAccountingRequest), id, byte(length>>8), byte(length))
	buf = append(buf, make([]byte, 16)...)
	buf = append(buf, attributes...)
	buf = append(buf, byte(rfc2866.AcctDelayTime_Type), delayLength)
	buf = binary.BigEndian.AppendUint32(buf, delay)
	buf = append(buf, secret...)
	sum := md5.Sum(buf)
	copy(buf[4:headerLength], sum[:])
	return buf[:length]
}

// delaySince is Acct-Delay-Time: whole seconds between the event and now (RFC 2866 5.2).
func delaySince(event, now time.Time) uint32 {
	if event.IsZero() {
		return 0
	}
	return uint32(min(max(now.Sub(event)/time.Second, 0), math.MaxUint32))
}

// frame is the packet in a datagram: what lies beyond the packet's length is padding (RFC 2865 3).
func frame(datagram []byte) ([]byte, error) {
	if len(datagram) < headerLength {
		return nil, errMalformed
	}
	length := int(binary.BigEndian.Uint16(datagram[2:]))
	if length < headerLength || length > maxPacket || length > len(datagram) {
		return nil, errMalformed
	}
	return datagram[:length], nil
}

// authentic checks the Response Authenticator (RFC 2866 3) of a framed answer against that of its request. It writes
// into the packet and, if there is room, behind it, and leaves the packet as it was.
func authentic(answer []byte, request *[16]byte, secret []byte) bool {
	got := [16]byte(answer[4:headerLength])
	copy(answer[4:], request[:])
	want := md5.Sum(append(answer, secret...))
	copy(answer[4:], got[:])
	return subtle.ConstantTimeCompare(want[:], got[:]) == 1
}

// verdict is what an authentic answer says: nil, the server has the record; a refusal, it doesn't and said so; any other
// error, this is no answer. An Accounting-Response with an Error-Cause is a refusal.
func verdict(answer []byte) error {
	code := layeh.Code(answer[0])
	if code != layeh.CodeAccountingResponse && code != codeProtocolError {
		return errCode
	}
	attributes, err := layeh.ParseAttributes(answer[headerLength:])
	if err != nil {
		return errMalformed
	}
	cause, given := attributes.Lookup(rfc3576.ErrorCause_Type)
	if code == layeh.CodeAccountingResponse && !given {
		return nil
	}
	number, err := layeh.Integer(cause)
	if err != nil {
		number = 0
	}
	return refusal{code: code, cause: number}
}

// refusal is an answer by which the server says that it did not take the record.
type refusal struct {
	code  layeh.Code
	cause uint32 // Error-Cause, 0 if none
}

// Error names the packet and its Error-Cause.
func (r refusal) Error() string {
	name := r.code.String()
	if r.code == codeProtocolError {
		name = "Protocol-Error"
	}
	if r.cause == 0 {
		return "answered " + name
	}
	text := fmt.Sprintf("answered %s with Error-Cause %d", name, r.cause)
	if known, ok := rfc3576.ErrorCause_Strings[rfc3576.ErrorCause(r.cause)]; ok {
		text += " (" + known + ")"
	}
	return text
}
