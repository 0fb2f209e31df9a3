package sqldb

import (
	"errors"
	"fmt"
	"strings"
)

// tokenKind is what a piece of SQL is, as far as placeholders are concerned.
type tokenKind uint8

const (
	blank       tokenKind = iota // white space or a comment
	literal                      // 'text'
	quotedName                   // "name", `name` or [name]
	word                         // a keyword, name or number
	placeholder                  // %x or %{name}
	percent                      // %%, or a % that begins no placeholder: the operator
	semicolon
	symbol // any other byte
)

// token is a piece of a query, as written.
type token struct {
	kind tokenKind
	text string
}

// lexer splits a query into tokens. It knows SQLite's quotes (https://www.sqlite.org/lang_keywords.html).
type lexer struct {
	rest string
}

var (
	errNUL     = errors.New("a NUL character")
	errComment = errors.New("a comment without its */")
)

// tokens is the whole text as tokens; put together again they are the text.
func tokens(text string) ([]token, error) {
	if strings.IndexByte(text, 0) >= 0 {
		return nil, errNUL
	}
	l := lexer{rest: text}
	var all []token
	for l.rest != "" {
		t, err := l.next()
		if err != nil {
			return nil, err
		}
		all = append(all, t)
	}
	return all, nil
}

// next takes one token off the rest, which is not empty.
func (l *lexer) next() (token, error) {
	c := l.rest[0]
	switch {
	case isBlank(c):
		return l.while(blank, isBlank), nil
	case strings.HasPrefix(l.rest, "--"):
		return l.take(blank, lineEnd(l.rest)), nil
	case strings.HasPrefix(l.rest, "/*"):
		end := strings.Index(l.rest[2:], "*/")
		if end < 0 {
			return token{}, errComment
		}
		return l.take(blank, end+4), nil
	case c == '\'':
		return l.quoted(literal, '\'')
	case c == '"' || c == '`':
		return l.quoted(quotedName, c)
	case c == '[':
		return l.bracketed()
	case isWord(c):
		return l.while(word, isWord), nil
	case c == '%':
		return l.percent(), nil
	case c == ';':
		return l.take(semicolon, 1), nil
	}
	return l.take(symbol, 1), nil
}

func (l *lexer) take(kind tokenKind, n int) token {
	t := token{kind, l.rest[:n]}
	l.rest = l.rest[n:]
	return t
}

func (l *lexer) while(kind tokenKind, is func(byte) bool) token {
	n := 1
	for n < len(l.rest) && is(l.rest[n]) {
		n++
	}
	return l.take(kind, n)
}

// quoted takes a text in quotes; a doubled quote inside stands for itself.
func (l *lexer) quoted(kind tokenKind, quote byte) (token, error) {
	for i := 1; i < len(l.rest); i++ {
		if l.rest[i] != quote {
			continue
		}
		if i+1 < len(l.rest) && l.rest[i+1] == quote {
			i++
			continue
		}
		return l.take(kind, i+1), nil
	}
	return token{}, fmt.Errorf("a %c without its other %c", quote, quote)
}

func (l *lexer) bracketed() (token, error) {
	end := strings.IndexByte(l.rest, ']')
	if end < 0 {
		return token{}, errors.New("a [ without its ]")
	}
	return l.take(quotedName, end+1), nil
}

// percent takes %{name}, %x, %% or a lone %.
func (l *lexer) percent() token {
	n := placeholderLen(l.rest)
	switch {
	case n > 0:
		return l.take(placeholder, n)
	case strings.HasPrefix(l.rest, "%%"):
		return l.take(percent, 2)
	}
	return l.take(percent, 1)
}

// placeholderLen is the length of what looks like a placeholder at the start of s, which begins with %; 0 if nothing
// does.
func placeholderLen(s string) int {
	if len(s) < 2 {
		return 0
	}
	if s[1] == '{' {
		return strings.IndexByte(s, '}') + 1
	}
	if isLetter(s[1]) {
		return 2
	}
	return 0
}

func lineEnd(s string) int {
	if i := strings.IndexByte(s, '\n'); i >= 0 {
		return i
	}
	return len(s)
}

func isBlank(c byte) bool {
	return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v'
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

func isWord(c byte) bool {
	return isLetter(c) || c >= '0' && c <= '9' || c == '_' || c >= 0x80
}
