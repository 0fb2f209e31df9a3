package acctstack

import "container/heap"

// pile is a heap whose entries know their place, so that any of them can be taken out.
type pile[T any] struct {
	entries []T
	before  func(a, b T) bool
	place   func(T) *int // where the entry notes its place, from 1; 0 is outside
}

// Len, Less, Swap, Push and Pop are for container/heap.
func (p *pile[T]) Len() int           { return len(p.entries) }
func (p *pile[T]) Less(i, j int) bool { return p.before(p.entries[i], p.entries[j]) }
func (p *pile[T]) Swap(i, j int) {
	p.entries[i], p.entries[j] = p.entries[j], p.entries[i]
	*p.place(p.entries[i]), *p.place(p.entries[j]) = i+1, j+1
}

// Push is for container/heap.
func (p *pile[T]) Push(x any) {
	entry := x.(T)
	p.entries = append(p.entries, entry)
	*p.place(entry) = len(p.entries)
}

// Pop is for container/heap.
func (p *pile[T]) Pop() any {
	last := len(p.entries) - 1
	entry := p.entries[last]
	var zero T
	p.entries[last] = zero
	p.entries = p.entries[:last]
	*p.place(entry) = 0
	return entry
}

func (p *pile[T]) add(entry T) { heap.Push(p, entry) }

// first is the entry before all others; ok is false if there is none.
func (p *pile[T]) first() (entry T, ok bool) {
	if len(p.entries) == 0 {
		return entry, false
	}
	return p.entries[0], true
}

// remove takes the entry out if it is in.
func (p *pile[T]) remove(entry T) {
	if at := *p.place(entry); at != 0 {
		heap.Remove(p, at-1)
	}
}
