package journal

// links are an element's place in a list. A chain is in one list at a time, so its links are a part of it: a backlog of a
// million events has no room for more.
type links[T comparable] struct{ prev, next T }

type linked[T comparable] interface {
	comparable
	links() *links[T]
}

// list is a set of elements that gives any of them, or forgets one, at once. Its zero value is empty.
type list[T linked[T]] struct{ first T }

func (l *list[T]) add(x T) {
	var none T
	*x.links() = links[T]{next: l.first}
	if l.first != none {
		l.first.links().prev = x
	}
	l.first = x
}

func (l *list[T]) remove(x T) {
	var none T
	at := x.links()
	if at.prev != none {
		at.prev.links().next = at.next
	} else {
		l.first = at.next
	}
	if at.next != none {
		at.next.links().prev = at.prev
	}
	*at = links[T]{}
}
