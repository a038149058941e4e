package shop_test

import (
	"encoding/xml"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// node is an element of a page.
type node struct {
	name     string
	attr     map[string]string
	children []*node
	text     string // of a node without name
}

// parse reads a page. It is stricter than a browser: what is opened must be closed.
func parse(t *testing.T, page string) *node {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(page))
	d.Strict, d.AutoClose, d.Entity = false, xml.HTMLAutoClose, xml.HTMLEntity
	root := &node{}
	open := []*node{root}
	for {
		token, err := d.Token()
		if err == io.EOF {
			break
		}
		require.NoError(t, err, "page is no HTML:\n%s", page)
		top := open[len(open)-1]
		switch token := token.(type) {
		case xml.StartElement:
			n := &node{name: token.Name.Local, attr: map[string]string{}}
			for _, a := range token.Attr {
				n.attr[a.Name.Local] = a.Value
			}
			top.children = append(top.children, n)
			open = append(open, n)
		case xml.EndElement:
			require.Equal(t, top.name, token.Name.Local, "closed by another tag")
			open = open[:len(open)-1]
		case xml.CharData:
			top.children = append(top.children, &node{text: string(token)})
		}
	}
	require.Len(t, open, 1, "not closed")
	return root
}

// all returns the elements below n for which ok holds, in order.
func (n *node) all(ok func(*node) bool) (found []*node) {
	for _, c := range n.children {
		if c.name != "" && ok(c) {
			found = append(found, c)
		}
		found = append(found, c.all(ok)...)
	}
	return found
}

// tags returns the elements of a name.
func (n *node) tags(name string) []*node {
	return n.all(func(n *node) bool { return n.name == name })
}

// id returns the element with an id, nil if there is none.
func (n *node) id(id string) *node {
	if found := n.all(func(n *node) bool { return n.attr["id"] == id }); len(found) == 1 {
		return found[0]
	}
	return nil
}

// String returns the text of n, blanks folded.
func (n *node) String() string {
	if n == nil {
		return "(nothing)"
	}
	var b strings.Builder
	var write func(*node)
	write = func(n *node) {
		b.WriteString(n.text)
		for _, c := range n.children {
			write(c)
		}
	}
	write(n)
	return strings.Join(strings.FieldsFunc(b.String(), func(r rune) bool { return r == ' ' || r == '\n' || r == '\t' }), " ")
}

// values returns the values of a list's options, and the one that is selected.
func (n *node) values() (values []string, selected string) {
	for _, o := range n.tags("option") {
		if _, ok := o.attr["disabled"]; !ok {
			values = append(values, o.attr["value"])
		}
		if _, ok := o.attr["selected"]; ok {
			selected = o.attr["value"]
		}
	}
	return values, selected
}
