package store_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/sessionctx/store"
)

// maxField is the highest number of a field that this program knows.
const maxField = 4

// appendField appends a field as every program of every version writes it.
func appendField(b []byte, number uint64, value string) []byte {
	b = binary.AppendUvarint(b, number)
	b = binary.AppendUvarint(b, uint64(len(value)))
	return append(b, value...)
}

// withFields returns a small record with these fields: number, value, number, value.
func withFields(fields ...any) []byte {
	var b []byte
	for i := 0; i < len(fields); i += 2 {
		b = appendField(b, uint64(fields[i].(int)), fields[i+1].(string))
	}
	return replaced(28, append(binary.AppendUvarint(nil, uint64(len(b))), b...)...)
}

// newerProgram is a later version of this library, which knows the fields 5 and 6. It shares
// nothing with the decoder but the documented form.
type newerProgram struct {
	budget string // field 5
	notes  string // field 6
}

// split returns the part of b before the fields, and the fields. fields is their length.
func split(t *testing.T, b []byte, fields int) (head, tail []byte) {
	t.Helper()
	head, tail = b[:len(b)-fields], b[len(b)-fields:]
	length := binary.AppendUvarint(nil, uint64(fields))
	require.True(t, bytes.HasSuffix(head, length), "the length of the fields precedes them")
	return head[:len(head)-len(length)], tail
}

// lengthOf returns the length of the fields of a record without unknown ones.
func lengthOf(t *testing.T, rec store.Record) int {
	t.Helper()
	b := encoded(t, rec)
	rec.Heir, rec.Carts, rec.Company, rec.Dimensions = nil, nil, "", nil
	head := len(encoded(t, rec)) - 1 // without the length 0
	for n := range len(b) {
		if head+len(binary.AppendUvarint(nil, uint64(n)))+n == len(b) {
			return n
		}
	}
	require.Fail(t, "the record has no known length")
	return 0
}

func (n newerProgram) encode(t *testing.T, rec store.Record) []byte {
	t.Helper()
	require.Empty(t, rec.Unknown)
	head, fields := split(t, encoded(t, rec), lengthOf(t, rec))
	fields = appendField(slices.Clone(fields), maxField+1, n.budget)
	fields = appendField(fields, maxField+2, n.notes)
	b := binary.AppendUvarint(slices.Clone(head), uint64(len(fields)))
	return append(b, fields...)
}

// decode returns what the newer program finds in b. Known is what it expects of the other fields.
func (newerProgram) decode(t *testing.T, b []byte, known store.Record) (n newerProgram) {
	t.Helper()
	head, fields := split(t, encoded(t, known), lengthOf(t, known))
	require.True(t, bytes.HasPrefix(b, head), "the part before the fields")
	length, size := binary.Uvarint(b[len(head):])
	require.Positive(t, size)
	rest := b[len(head)+size:]
	require.Len(t, rest, int(length))
	require.True(t, bytes.HasPrefix(rest, fields), "the known fields")
	rest = rest[len(fields):]
	for i, into := range []*string{&n.budget, &n.notes} {
		number, size := binary.Uvarint(rest)
		require.Equal(t, uint64(maxField+1+i), number)
		length, more := binary.Uvarint(rest[size:])
		require.Positive(t, more)
		rest = rest[size+more:]
		*into, rest = string(rest[:length]), rest[length:]
	}
	require.Empty(t, rest)
	return n
}

func TestRecord_KeepsTheFieldsOfANewerProgram(t *testing.T) {
	edits := []struct {
		desc string
		edit func(*store.Record)
	}{
		{"a touch", func(r *store.Record) { r.ExpiresAt = ms(1_800_000_000_000) }},
		{"a choice", func(r *store.Record) { r.Version, r.Choices.Language = 8, "fr" }},
		{"a cart more", func(r *store.Record) {
			r.Version++
			r.Carts = append(r.Carts, store.Cart{Site: "us", ID: "cart-us"})
		}},
		{"the last known field removed", func(r *store.Record) { r.Dimensions = nil }},
		{"all known fields removed", func(r *store.Record) {
			r.Dimensions, r.Company, r.Carts, r.Heir = nil, "", nil, nil
		}},
		{"a known field changed", func(r *store.Record) { r.Company = "LE2" }},
	}
	newer := newerProgram{budget: "\x00\xff42", notes: strings.Repeat("n", 300)}
	for _, tc := range edits {
		t.Run(tc.desc, func(t *testing.T) {
			rec := fullRecord()
			rec.Unknown = nil
			written := newer.encode(t, rec)

			var old store.Record
			require.NoError(t, old.UnmarshalBinary(written))
			want := rec
			want.Unknown = old.Unknown
			require.Equal(t, want, old, "the older program sees all that it knows")
			require.NotEmpty(t, old.Unknown)
			assert.Equal(t, written, encoded(t, old), "without an edit nothing changes")

			tc.edit(&old)
			known := old
			known.Unknown = nil
			assert.Equal(t, newer, newerProgram{}.decode(t, encoded(t, old), known), "the newer program finds its fields")
		})
	}
}

func TestRecord_UnknownFieldsAreCopied(t *testing.T) {
	in := withFields(9, "newer")
	var rec store.Record
	require.NoError(t, rec.UnmarshalBinary(in))
	clear(in)
	assert.Equal(t, appendField(nil, 9, "newer"), rec.Unknown)
}

func TestRecordUnmarshalBinary_ForgedCountsAllocateNothing(t *testing.T) {
	const size = 1 << 20
	garbage := strings.Repeat("\xff", size)
	count := func(n uint64) string { return string(binary.AppendUvarint(nil, n)) }
	cut := func(b []byte, n int) []byte { return b[:len(b)-n] }
	cases := []struct {
		desc string
		in   []byte
	}{
		{"as many attributes as there could be", append(cut(replaced(21, []byte(count(size/4))...), 7), garbage...)},
		{"more attributes than there could be", append(cut(replaced(21, []byte(count(1<<60))...), 7), garbage...)},
		{"as many carts as there could be", withFields(2, count(size/6)+garbage)},
		{"more carts than there could be", withFields(2, count(1<<62)+"\x01")},
		{"as many dimensions as there could be", withFields(4, count(size/4)+garbage)},
		{"more dimensions than there could be", withFields(4, count(1<<62)+"\x01")},
		{"a heir of an absurd length", replaced(28, 9, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f)},
		{"fields of an absurd length", replaced(28, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f)},
		{"an unknown field of an absurd length", replaced(28, 9, 9, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f)},
	}
	for _, tc := range cases {
		t.Run(tc.desc, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			var rec store.Record
			err := rec.UnmarshalBinary(tc.in)
			runtime.ReadMemStats(&after)
			require.Error(t, err)
			assert.Zero(t, rec)
			assert.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(64<<10), "for elements that are not there")
		})
	}
}

func TestRecord_EmptyListsHaveOneForm(t *testing.T) {
	empty := store.Record{
		Incarnation: 1, Heir: []byte{}, Carts: []store.Cart{}, Dimensions: []store.Dimension{},
		Attributes: []store.Attribute{}, Unknown: []byte{},
	}
	assert.Equal(t, encoded(t, store.Record{Incarnation: 1}), encoded(t, empty))
	value := store.Record{Incarnation: 1, Attributes: []store.Attribute{{Name: "a", Value: json.RawMessage{}}}}
	none := store.Record{Incarnation: 1, Attributes: []store.Attribute{{Name: "a"}}}
	assert.Equal(t, encoded(t, none), encoded(t, value))
}
