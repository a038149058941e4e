package sitefile

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// kind is what a JSON value is.
type kind uint8

const (
	null kind = iota
	boolean
	number
	text
	array
	object
)

// String names the kind in a sentence.
func (k kind) String() string {
	return [...]string{"null", "a boolean", "a number", "a string", "an array", "an object"}[k]
}

// node is one JSON value and where it stands.
type node struct {
	kind       kind
	start, end int // bytes of the file
	text       string
	flag       bool
	elements   []*node
	members    map[string]*node // the first of each name
}

// reading is the pass over one file.
type reading struct {
	data     []byte
	decoder  *json.Decoder
	path     []segment
	mistakes []*Mistake
}

// segment is a step into a document: a member's name, or an element's index.
type segment struct {
	name  string
	index int
}

// parse reads one JSON document. A document that is not JSON has exactly one mistake and no
// node; one that names a member twice has a node and a mistake for every repetition.
func parse(data []byte) (*node, []*Mistake) {
	// RFC 8259, section 8.1: a byte order mark may be ignored. Some editors write one. Blanks
	// in its place keep the offsets.
	if bytes.HasPrefix(data, []byte("\ufeff")) {
		data = append([]byte("   "), data[3:]...)
	}
	if at := invalidUTF8(data); at >= 0 {
		return nil, []*Mistake{{Record: -1, Rule: "must be UTF-8", offset: at}}
	}
	var raw json.RawMessage
	if err := json.Unmarshal(data, &raw); err != nil {
		return nil, []*Mistake{notJSON(err)}
	}
	r := &reading{data: data, decoder: json.NewDecoder(bytes.NewReader(data))}
	r.decoder.UseNumber()
	root, err := r.value()
	if err != nil {
		return nil, []*Mistake{notJSON(err)}
	}
	return root, r.mistakes
}

// value reads the next value.
func (r *reading) value() (*node, error) {
	n := &node{start: r.next()}
	token, err := r.decoder.Token()
	if err != nil {
		return nil, err
	}
	switch t := token.(type) {
	case bool:
		n.kind, n.flag = boolean, t
	case json.Number:
		n.kind = number
	case string:
		n.kind, n.text = text, t
	case json.Delim:
		if t == '[' {
			n.kind = array
			err = r.elements(n)
		} else {
			n.kind = object
			err = r.members(n)
		}
		if err != nil {
			return nil, err
		}
		if _, err = r.decoder.Token(); err != nil { // the closing bracket
			return nil, err
		}
	}
	n.end = int(r.decoder.InputOffset())
	return n, nil
}

func (r *reading) elements(n *node) error {
	for i := 0; r.decoder.More(); i++ {
		r.path = append(r.path, segment{index: i})
		element, err := r.value()
		if err != nil {
			return err
		}
		n.elements = append(n.elements, element)
		r.path = r.path[:len(r.path)-1]
	}
	return nil
}

func (r *reading) members(n *node) error {
	n.members = make(map[string]*node)
	for r.decoder.More() {
		at := r.next()
		token, err := r.decoder.Token()
		if err != nil {
			return err
		}
		name, _ := token.(string)
		r.path = append(r.path, segment{name: name, index: -1})
		if _, twice := n.members[name]; twice {
			record, field := r.where()
			r.mistakes = append(r.mistakes, &Mistake{Record: record, Field: field, Rule: "must be named once in its object", offset: at})
		}
		member, err := r.value()
		if err != nil {
			return err
		}
		if _, twice := n.members[name]; !twice {
			n.members[name] = member
		}
		r.path = r.path[:len(r.path)-1]
	}
	return nil
}

// next is where the next token begins.
func (r *reading) next() int {
	at := int(r.decoder.InputOffset())
	for at < len(r.data) && strings.IndexByte(" \t\r\n,:", r.data[at]) >= 0 {
		at++
	}
	return at
}

// where says in which record and which member of it the pass is.
func (r *reading) where() (record int, field string) {
	record, path := -1, r.path
	if path[0].index >= 0 {
		record, path = path[0].index, path[1:]
	}
	for _, s := range path {
		if s.index >= 0 {
			field = element(field, s.index)
		} else {
			field = member(field, label(s.name))
		}
	}
	return record, field
}

// element is the path of an element of the array at path.
func element(path string, index int) string { return fmt.Sprintf("%s[%d]", path, index) }

// member is the path of a member of the object at path.
func member(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// offsetBase is what encoding/json adds to the position of an offending byte: 1 by its old
// implementation and 0 by the new one, which GOEXPERIMENT=jsonv2 and later releases use.
var offsetBase = func() int {
	var syntax *json.SyntaxError
	if errors.As(json.Unmarshal([]byte("x"), new(json.RawMessage)), &syntax) {
		return int(syntax.Offset)
	}
	return 0
}()

func notJSON(err error) *Mistake {
	m := &Mistake{Record: -1, Rule: "must be JSON: " + err.Error(), cause: err}
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		m.offset = max(0, int(syntax.Offset)-offsetBase)
	}
	return m
}

// invalidUTF8 is where data ceases to be UTF-8, or -1.
func invalidUTF8(data []byte) int {
	for at := 0; at < len(data); {
		r, size := utf8.DecodeRune(data[at:])
		if r == utf8.RuneError && size == 1 {
			return at
		}
		at += size
	}
	return -1
}
