package blocklist

// ring is a list of sources, linked through them. It must not be copied.
type ring struct{ head source }

func (r *ring) init() { r.head.prev, r.head.next = &r.head, &r.head }

// first is the source at the front, nil if there is none.
func (r *ring) first() *source {
	if r.head.next == &r.head {
		return nil
	}
	return r.head.next
}

// push puts a source that is in no ring to the end.
func (r *ring) push(s *source) {
	s.prev, s.next = r.head.prev, &r.head
	s.prev.next, s.next.prev = s, s
}

// all calls yield for the sources from the front on.
func (r *ring) all(yield func(*source) bool) {
	for s := r.head.next; s != &r.head; s = s.next {
		if !yield(s) {
			return
		}
	}
}

// unlink takes the source out of its ring.
func (s *source) unlink() {
	s.prev.next, s.next.prev = s.next, s.prev
	s.prev, s.next = nil, nil
}
