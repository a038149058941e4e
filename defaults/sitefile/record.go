package sitefile

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// table reads the records of one file and keeps what is wrong with them.
type table struct {
	file     string // path below the root
	idName   string // the member that names a record
	data     []byte
	showing  bool // values may be shown: they are neither personal nor secret
	root     *node
	mistakes []*Mistake
	aged     []*Mistake          // codes that are not current: they refuse nothing
	wrong    map[position]bool   // what a mistake has been noted for
	seen     map[position]record // in a table that shows its values: every member that was read
}

// position is a member of a record. The zero field is the record itself.
type position struct {
	index int
	field string
}

// record is a value within a table: a record itself, or a member at some depth of one.
// An absent member and one that is null are records without a node.
type record struct {
	*table
	index int
	field string
	*node
}

// newTable parses a file whose root must be an array of objects.
func newTable(file, idName string, data []byte, showing bool) *table {
	t := &table{file: file, idName: idName, data: data, showing: showing,
		wrong: make(map[position]bool), seen: make(map[position]record)}
	t.root, t.mistakes = parse(data)
	if t.root != nil && t.root.kind != array {
		record{table: t, index: -1, node: t.root}.reject("must be an array of objects, is " + t.root.kind.String())
	}
	return t
}

// records are the records of the file, one for each element of its array.
func (t *table) records() []record {
	if t.root == nil {
		return nil
	}
	out := make([]record, len(t.root.elements))
	for i, n := range t.root.elements {
		out[i] = record{table: t, index: i, node: n}.object()
	}
	return out
}

// reject notes a mistake, unless one is known of the same place or of a place that contains it: a
// mistake that follows from another one is not reported.
func (r record) reject(rule string) {
	t := r.table
	for field := r.field; ; field = field[:max(0, strings.LastIndexAny(field, ".["))] {
		if t.wrong[position{r.index, field}] {
			return
		}
		if field == "" {
			break
		}
	}
	t.wrong[position{r.index, r.field}] = true
	t.mistakes = append(t.mistakes, r.mistake(rule))
}

// age notes a code that is not current. The file is used all the same.
func (r record) age(rule string) { r.table.aged = append(r.table.aged, r.mistake(rule)) }

// mistake describes the place of a record.
func (r record) mistake(rule string) *Mistake {
	t := r.table
	m := &Mistake{Record: r.index, Field: r.field, Rule: rule}
	if r.node != nil {
		m.offset = r.start
		if t.showing && r.kind != object && r.kind != array {
			m.Value = clip(string(t.data[r.start:r.end]))
			if r.kind == text {
				m.Value = clip(r.text)
			}
		}
	} else if r.index >= 0 {
		m.offset = t.root.elements[r.index].start
	}
	return m
}

// note remembers a member that was read.
func (t *table) note(r record) record {
	if t.showing {
		t.seen[position{r.index, r.field}] = r
	}
	return r
}

// finish sets the file, the line and the id of each mistake and of each code that is not current,
// and returns both lists in the order of the file.
func (t *table) finish() (mistakes, aged []*Mistake) {
	place(t.mistakes, t.data)
	place(t.aged, t.data)
	for _, m := range slices.Concat(t.mistakes, t.aged) {
		m.File = t.file
		if m.Record >= 0 && m.Record < len(t.root.elements) {
			if id := t.root.elements[m.Record].members[t.idName]; id != nil && id.kind == text {
				m.ID = label(id.text)
			}
		}
	}
	return t.mistakes, t.aged
}

// member is a member of an object.
func (r record) member(name string) record {
	child := record{table: r.table, index: r.index, field: member(r.field, name)}
	if r.node != nil {
		if n := r.members[name]; n != nil && n.kind != null {
			child.node = n
		}
	}
	return r.note(child)
}

// is reports whether there is a value of the kind, and notes a value of another one.
func (r record) is(want kind) bool {
	if r.node == nil {
		return false
	}
	if r.kind != want {
		r.reject(fmt.Sprintf("must be %v, is %v", want, r.kind))
		return false
	}
	return true
}

// str is a string, or empty where there is none.
func (r record) str() string {
	if !r.is(text) {
		return ""
	}
	return r.text
}

// truth is a boolean, or what stands for an absent one.
func (r record) truth(absent bool) bool {
	if !r.is(boolean) {
		return absent
	}
	return r.flag
}

// integers are the members of an object of whole numbers, nil where there is none.
func (r record) integers() map[string]int {
	if !r.is(object) {
		return nil
	}
	out := make(map[string]int, len(r.members))
	for _, name := range slices.Sorted(maps.Keys(r.members)) {
		m := r.note(record{table: r.table, index: r.index, field: member(r.field, label(name)), node: r.members[name]})
		if m.kind == null || !m.is(number) {
			continue
		}
		n, err := strconv.Atoi(string(r.data[m.start:m.end]))
		if err != nil {
			m.reject("must be a whole number")
			continue
		}
		out[name] = n
	}
	return out
}

// object is the record itself if it is an object, else one without members.
func (r record) object() record {
	if !r.is(object) {
		r.node = nil
	}
	return r
}

// list are the elements of an array, nulls among them.
func (r record) list() []record {
	if !r.is(array) {
		return nil
	}
	out := make([]record, len(r.elements))
	for i, n := range r.elements {
		out[i] = r.note(record{table: r.table, index: r.index, field: element(r.field, i), node: n})
	}
	return out
}

// strs are the strings of an array.
func (r record) strs() []string {
	var out []string
	for _, e := range r.list() {
		out = append(out, e.str())
	}
	return out
}
