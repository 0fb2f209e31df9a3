package cdr

import (
	"iter"
	"strings"
	"unicode/utf8"
)

// PieceKind says what a Piece is.
type PieceKind uint8

// The kinds of pieces.
const (
	Literal     PieceKind = iota // text that stays as it is
	Placeholder                  // a field of the scope
	UnknownName                  // looks like a placeholder, is none in the scope, and stays as it is
)

// Piece is a part of a text with %-placeholders.
type Piece struct {
	Kind  PieceKind
	Text  string // as written, except that the Literal % stands for %%
	Field Field  // of a Placeholder
}

// Scan splits a text into literal pieces and placeholders of the scope, from left to right and leaving nothing out. The
// rules are GnuGk's: names are case-sensitive, %x and %{x} are the same, %% is one %, a % at the very end is literal, and
// behind the %{ of an unknown name the search goes on inside the braces.
func Scan(text string, scope Scope) iter.Seq[Piece] {
	return func(yield func(Piece) bool) {
		for text != "" {
			p, size := nextPiece(text, scope)
			if !yield(p) {
				return
			}
			text = text[size:]
		}
	}
}

// nextPiece takes one piece from the front of text, which is not empty, and returns the number of bytes that it takes.
func nextPiece(text string, scope Scope) (Piece, int) {
	switch i := strings.IndexByte(text, '%'); {
	case i < 0, i == 0 && len(text) == 1:
		return Piece{Text: text}, len(text)
	case i > 0:
		return Piece{Text: text[:i]}, i
	}
	if text[1] == '%' {
		return Piece{Text: "%"}, 2
	}
	name, size := placeholderName(text)
	if f, ok := Lookup(name, scope); ok {
		return Piece{Kind: Placeholder, Text: text[:size], Field: f}, size
	}
	if i := strings.IndexByte(text[1:size], '%'); i >= 0 {
		size = i + 1
	}
	return Piece{Kind: UnknownName, Text: text[:size]}, size
}

// placeholderName is the name that stands behind the % at the front of text, and the length of the whole placeholder.
// It is empty, and the rest of the text is taken, if a brace is not closed.
func placeholderName(text string) (name string, size int) {
	if text[1] != '{' {
		_, n := utf8.DecodeRuneInString(text[1:])
		return text[1 : 1+n], 1 + n
	}
	end := strings.IndexByte(text, '}')
	if end < 0 {
		return "", len(text)
	}
	return text[2:end], end + 1
}
