package store_test

import (
	"bytes"
	"encoding"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/sessionctx/store"
)

func ms(n int64) time.Time { return time.UnixMilli(n).UTC() }

// fullRecord has no zero field, so that a test sees each field that gets lost.
func fullRecord() store.Record {
	return store.Record{
		Tenant: "acme", Incarnation: math.MaxUint64, Version: 7, WriteID: 1 << 63,
		Secret: true, Ended: true, CustomerID: "C1", Generation: 3,
		Choices: defaults.Choices{Site: "main", Currency: "EUR", Country: "DE", Language: "de"},
		First:   5, Login: 6, Heir: []byte("sealed"), Company: "LE1",
		Carts: []store.Cart{
			{Site: "at", ID: "cart-at", Country: "AT", Currency: "EUR", Changed: 6},
			{Site: "main", ID: "cart", Changed: 7},
		},
		Dimensions: []store.Dimension{
			{Name: "group", Value: "vip", Changed: 7},
			{Name: "segment", Value: "", Changed: 0},
		},
		Unknown: []byte{9, 1, 'x', 200, 1, 2, 'y', 'z'}, // the fields 9 and 200
		Attributes: []store.Attribute{
			{Name: "a", Value: json.RawMessage(`{"b" : [1.0, "ä"]}`), Changed: 4},
			{Name: "a b/c\x00\xff", Value: json.RawMessage(`"x"`), Changed: 7},
		},
		Changed: [store.NumChanged]int64{1, 2, 3, 4, 5}, RemovedAttributes: 6, RemovedCarts: 5,
		CreatedAt: ms(1_700_000_000_001), ModifiedAt: ms(1_700_000_000_002), ExpiresAt: ms(1_700_000_000_003),
	}
}

func encoded(t *testing.T, rec store.Record) []byte {
	t.Helper()
	b, err := rec.MarshalBinary()
	require.NoError(t, err)
	return b
}

func TestRecord_BinaryFormRoundTrips(t *testing.T) {
	full := fullRecord()
	for f := range reflect.TypeFor[store.Record]().Fields() {
		require.False(t, reflect.ValueOf(full).FieldByIndex(f.Index).IsZero(), "the test must fill the new field %s", f.Name)
	}
	cases := []struct {
		desc   string
		change func(*store.Record)
	}{
		{"every field", func(*store.Record) {}},
		{"only an incarnation", func(r *store.Record) { *r = store.Record{Incarnation: 1} }},
		{"no expiry", func(r *store.Record) { r.ExpiresAt = time.Time{} }},
		{"times at the beginning of Unix time", func(r *store.Record) { r.CreatedAt, r.ExpiresAt = ms(0), ms(-1) }},
		{"times at the ends of what milliseconds reach", func(r *store.Record) { r.CreatedAt, r.ExpiresAt = ms(math.MinInt64), ms(math.MaxInt64) }},
		{"extreme numbers", func(r *store.Record) {
			r.Version, r.Generation, r.RemovedAttributes, r.Changed[0] = math.MaxInt64, math.MinInt64, -1, math.MaxInt64
		}},
		{"text that is no UTF-8", func(r *store.Record) { r.Company = "\xff\x00\xfe" }},
		{"no attributes", func(r *store.Record) { r.Attributes = nil }},
		{"no heir", func(r *store.Record) { r.Heir = nil }},
		{"no carts", func(r *store.Record) { r.Carts = nil }},
		{"one cart of the empty site", func(r *store.Record) { r.Carts = []store.Cart{{}} }},
		{"many carts", func(r *store.Record) {
			r.Carts = nil
			for i := range 100 {
				r.Carts = append(r.Carts, store.Cart{Site: fmt.Sprintf("site-%03d", i), ID: "cart", Changed: int64(-i)})
			}
		}},
		{"no company", func(r *store.Record) { r.Company = "" }},
		{"no dimensions", func(r *store.Record) { r.Dimensions = nil }},
		{"one dimension without a name", func(r *store.Record) { r.Dimensions = []store.Dimension{{}} }},
		{"many dimensions", func(r *store.Record) {
			r.Dimensions = nil
			for i := range 100 {
				r.Dimensions = append(r.Dimensions, store.Dimension{Name: fmt.Sprintf("%03d", i), Value: "\xff\x00"})
			}
		}},
		{"no unknown fields", func(r *store.Record) { r.Unknown = nil }},
		{"an unknown field with the highest number", func(r *store.Record) {
			r.Unknown = append(binary.AppendUvarint(nil, math.MaxUint64), 1, 0)
		}},
		{"a large unknown field", func(r *store.Record) {
			r.Unknown = append(binary.AppendUvarint([]byte{5}, 100_000), bytes.Repeat([]byte{0xff}, 100_000)...)
		}},
		{"many attributes", func(r *store.Record) {
			r.Attributes = nil
			for i := range 300 {
				r.Attributes = append(r.Attributes, store.Attribute{Name: strings.Repeat("x", i), Value: json.RawMessage("1")})
			}
		}},
	}
	for _, tc := range cases {
		t.Run(tc.desc, func(t *testing.T) {
			rec := fullRecord()
			tc.change(&rec)
			b := encoded(t, rec)
			var got store.Record
			require.NoError(t, got.UnmarshalBinary(b))
			assert.Equal(t, rec, got)
			assert.Equal(t, b, encoded(t, got), "one record has one form")
		})
	}
}

func TestRecordAppendBinary_Appends(t *testing.T) {
	var rec encoding.BinaryAppender = fullRecord()
	b, err := rec.AppendBinary([]byte("head"))
	require.NoError(t, err)
	assert.Equal(t, append([]byte("head"), encoded(t, fullRecord())...), b)
}

func TestRecordMarshalBinary_RefusesInvalidRecords(t *testing.T) {
	cases := []struct {
		desc   string
		change func(*store.Record)
		says   string
	}{
		{"no incarnation", func(r *store.Record) { r.Incarnation = 0 }, "incarnation is 0"},
		{"microseconds", func(r *store.Record) { r.ModifiedAt = r.ModifiedAt.Add(time.Microsecond) }, "ModifiedAt"},
		{"time out of the range of milliseconds", func(r *store.Record) { r.ExpiresAt = time.Unix(math.MaxInt64/2, 0) }, "ExpiresAt"},
		{"attributes not sorted", func(r *store.Record) { slices.Reverse(r.Attributes) }, "sorted"},
		{"attribute twice", func(r *store.Record) { r.Attributes[1].Name = "a" }, `attribute "a" after "a"`},
		{"carts not sorted", func(r *store.Record) { slices.Reverse(r.Carts) }, `cart of site "at" after "main": must be sorted`},
		{"two carts of one site", func(r *store.Record) { r.Carts[1].Site = "at" }, `cart of site "at" after "at"`},
		{"dimensions not sorted", func(r *store.Record) { slices.Reverse(r.Dimensions) }, `dimension "group" after "segment": must be sorted`},
		{"dimension twice", func(r *store.Record) { r.Dimensions[1].Name = "group" }, `dimension "group" after "group"`},
		{"unknown fields that are known", func(r *store.Record) { r.Unknown = []byte{4, 1, 'x'} }, "unknown fields: field 4: the number must be above 4"},
		{"unknown field 0", func(r *store.Record) { r.Unknown = []byte{0, 1, 'x'} }, "unknown fields: field 0"},
		{"unknown fields in the wrong order", func(r *store.Record) { r.Unknown = []byte{9, 1, 'x', 8, 1, 'y'} }, "unknown fields: field 8: the number must be above 9"},
		{"an unknown field twice", func(r *store.Record) { r.Unknown = []byte{9, 1, 'x', 9, 1, 'y'} }, "unknown fields: field 9: the number must be above 9"},
		{"an empty unknown field", func(r *store.Record) { r.Unknown = []byte{9, 0} }, "unknown fields: field 9 is empty"},
		{"a truncated unknown field", func(r *store.Record) { r.Unknown = []byte{9, 2, 'x'} }, "unknown fields: truncated"},
		{"an unknown field whose number is not in its shortest form", func(r *store.Record) { r.Unknown = []byte{0x89, 0, 1, 'x'} }, "shortest form"},
	}
	for _, tc := range cases {
		t.Run(tc.desc, func(t *testing.T) {
			rec := fullRecord()
			tc.change(&rec)
			_, err := rec.MarshalBinary()
			require.ErrorContains(t, err, "sessionctx: encode record: ")
			assert.ErrorContains(t, err, tc.says)
			b, err := rec.AppendBinary([]byte("head"))
			require.Error(t, err)
			assert.Equal(t, "head", string(b), "nothing is appended")
		})
	}
}

// The parts of the smallest encoding, by hand: the format is a promise to what is stored already.
func smallest(change func(parts [][]byte) [][]byte) []byte {
	parts := [][]byte{
		{2}, {0}, // schema, flags
		{0, 0, 0, 0, 0, 0, 0, 9}, {0, 0, 0, 0, 0, 0, 0, 8}, // incarnation, write id
		{2}, {2}, {0}, {0}, // version 1, first version 1, generation 0, login 0
		{4, 'a', 'c', 'm', 'e'}, {0}, // tenant, customer
		{0}, {0}, {0}, {0}, // choices
		{0}, {0}, {0}, {0}, {0}, {0}, {0}, // changed, removed attributes, removed carts
		{2},                     // attributes
		{1, 'a'}, {1, '1'}, {2}, // name, value, changed
		{1, 'b'}, {1, '2'}, {0},
		{0}, // length of the fields
	}
	return slices.Concat(change(parts)...)
}

func replaced(i int, b ...byte) []byte {
	return smallest(func(p [][]byte) [][]byte { p[i] = b; return p })
}

func TestRecord_BinaryFormIsAsDocumented(t *testing.T) {
	var rec store.Record
	require.NoError(t, rec.UnmarshalBinary(smallest(func(p [][]byte) [][]byte { return p })))
	assert.Equal(t, store.Record{
		Tenant: "acme", Incarnation: 9, WriteID: 8, Version: 1, First: 1,
		Attributes: []store.Attribute{
			{Name: "a", Value: json.RawMessage("1"), Changed: 1},
			{Name: "b", Value: json.RawMessage("2")},
		},
	}, rec)
}

func TestRecordUnmarshalBinary_RefusesWhatTheEncoderCannotMake(t *testing.T) {
	overlong := func(b ...byte) []byte { return append(b, make([]byte, 9)...) }
	cases := []struct {
		desc string
		in   []byte
		says string
	}{
		{"nothing", nil, "truncated"},
		{"schema of the future", replaced(0, 3), "unknown schema 3"},
		{"schema of a stranger", []byte("{}"), "unknown schema 123"},
		{"unknown flag", replaced(1, 0x20), "unknown flags 0x20"},
		{"incarnation 0", replaced(2, make([]byte, 8)...), "incarnation is 0"},
		{"number not in its shortest form", replaced(4, 0x82, 0), "shortest form"},
		{"number in eleven bytes", replaced(4, bytes.Repeat([]byte{0x80}, 11)...), "64 bits"},
		{"number of 65 bits", replaced(4, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2), "64 bits"},
		{"length of a text not in its shortest form", replaced(8, 0x84, 0, 'a', 'c', 'm', 'e'), "shortest form"},
		{"text longer than the input", replaced(8, 0xff, 1, 'a'), "truncated"},
		{"text of an absurd length", replaced(8, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1), "truncated"},
		{"more attributes than there can be", replaced(21, 0xff, 0xff, 0xff, 0xff, 0x0f), "cannot be in"},
		{"more attributes than there are", replaced(21, 3), "truncated"},
		{"attributes not sorted", replaced(22, 1, 'c'), "sorted"},
		{"attribute twice", replaced(22, 1, 'b'), "sorted"},
		{"fewer attributes than there are", replaced(21, 1), "4 bytes too many"},
		{"a byte after the end", append(withFields(), 0), "1 bytes too many"},
		{"a field after the end", append(withFields(1, "x"), 9, 1, 'x'), "3 bytes too many"},
		{"half a field", replaced(28, 1, 1), "truncated"},
		{"fields longer than the input", replaced(28, 1), "truncated"},
		{"known fields in the wrong order", withFields(3, "LE1", 1, "sealed"), "field 1: the number must be above 3"},
		{"a known field twice", withFields(3, "LE1", 3, "LE1"), "field 3: the number must be above 3"},
		{"field 0", withFields(0, "x"), "field 0: the number must be above 0"},
		{"an empty heir", withFields(1, ""), "field 1 is empty"},
		{"no cart in the carts", withFields(2, "\x00"), "field 2 has no elements"},
		{"no dimension in the dimensions", withFields(4, "\x00"), "field 4 has no elements"},
		{"more carts than there are", withFields(2, "\x02\x00\x00\x00\x00\x00"+"\x00\x00\x00\x00"), "field 2: 2 elements cannot be in 9 bytes"},
		{"something after the carts", withFields(2, "\x01\x00\x00\x00\x00\x00"+"x"), "field 2: 1 bytes too many"},
		{"a truncated cart", withFields(2, "\x01\x05\x00\x00\x00\x00"), "field 2: truncated"},
		{"two carts of one site", withFields(2, "\x02\x00\x00\x00\x00\x00"+"\x00\x00\x00\x00\x00"), "must be sorted"},
		{"dimensions not sorted", withFields(4, "\x02\x01b\x00\x00\x01a\x00\x00"), "must be sorted"},
		{"unknown fields in the wrong order", withFields(9, "x", 8, "y"), "field 8: the number must be above 9"},
		{"a known field after an unknown one", withFields(9, "x", 3, "LE1"), "field 3: the number must be above 9"},
		{"an unknown field twice", withFields(9, "x", 9, "x"), "field 9: the number must be above 9"},
		{"an empty unknown field", withFields(9, ""), "field 9 is empty"},
		{"an unknown field that is cut", replaced(28, 3, 9, 2, 'x'), "truncated"},
		{"an unknown field whose length is not in its shortest form", replaced(28, 4, 9, 0x81, 0, 'x'), "shortest form"},
		{"time that stands for none", func() []byte {
			b := replaced(1, 4)
			return slices.Insert(b, 22, binary.AppendVarint(nil, time.Time{}.UnixMilli())...)
		}(), "out of range"},
		{"zeros", overlong(), "unknown schema 0"},
	}
	for _, tc := range cases {
		t.Run(tc.desc, func(t *testing.T) {
			rec := fullRecord()
			err := rec.UnmarshalBinary(tc.in)
			require.ErrorContains(t, err, "sessionctx: decode record: ")
			assert.ErrorContains(t, err, tc.says)
			assert.Equal(t, fullRecord(), rec, "a failed decoding changes nothing")
		})
	}
}

func TestRecordUnmarshalBinary_RefusesEveryTruncation(t *testing.T) {
	b := encoded(t, fullRecord())
	for n := range b {
		var rec store.Record
		require.ErrorContains(t, rec.UnmarshalBinary(b[:n]), "sessionctx: decode record: ", "of %d bytes the first %d", len(b), n)
	}
}

func TestRecordUnmarshalBinary_KeepsNothingOfItsInput(t *testing.T) {
	b := encoded(t, fullRecord())
	var rec store.Record
	require.NoError(t, rec.UnmarshalBinary(b))
	clear(b)
	assert.Equal(t, fullRecord(), rec)
}

// randomRecord draws from what a Record may be.
func randomRecord(rng *rand.Rand) store.Record {
	text := func() string {
		b := make([]byte, rng.IntN(20)*rng.IntN(2))
		for i := range b {
			b[i] = byte(rng.Uint32())
		}
		return string(b)
	}
	number := func() int64 { return int64(rng.Uint64()) >> rng.IntN(64) }
	instant := func() time.Time {
		if rng.IntN(3) == 0 {
			return time.Time{}
		}
		return ms(number())
	}
	names := func() []string { // sorted, each once
		set := make(map[string]bool)
		for range rng.IntN(6) {
			set[text()] = true
		}
		return slices.Sorted(maps.Keys(set))
	}
	rec := store.Record{
		Tenant: text(), Incarnation: rng.Uint64() | 1, Version: number(), WriteID: rng.Uint64(),
		Secret: rng.IntN(2) == 0, Ended: rng.IntN(2) == 0, CustomerID: text(), Generation: number(),
		Choices: defaults.Choices{Site: text(), Currency: text(), Country: text(), Language: text()},
		First:   number(), Login: number(), Company: text(), Heir: append([]byte(nil), text()...),
		RemovedAttributes: number(), RemovedCarts: number(),
		CreatedAt: instant(), ModifiedAt: instant(), ExpiresAt: instant(),
	}
	for i := range rec.Changed {
		rec.Changed[i] = number()
	}
	for _, name := range names() {
		value := append(json.RawMessage(nil), text()...)
		rec.Attributes = append(rec.Attributes, store.Attribute{Name: name, Value: value, Changed: number()})
	}
	for _, site := range names() {
		rec.Carts = append(rec.Carts, store.Cart{Site: site, ID: text(), Country: text(), Currency: text(), Changed: number()})
	}
	for _, name := range names() {
		rec.Dimensions = append(rec.Dimensions, store.Dimension{Name: name, Value: text(), Changed: number()})
	}
	for last := uint64(maxField); rng.IntN(2) == 0; {
		last += 1 + rng.Uint64N(300)
		rec.Unknown = appendField(rec.Unknown, last, "x"+text())
	}
	return rec
}

func TestRecord_OneFormForEachRecord(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	seen := make(map[string]store.Record)
	for range 20_000 {
		rec := randomRecord(rng)
		b := encoded(t, rec)
		var got store.Record
		require.NoError(t, got.UnmarshalBinary(b))
		require.True(t, reflect.DeepEqual(rec, got), "want %#v\n got %#v", rec, got)
		if other, ok := seen[string(b)]; ok {
			require.Equal(t, other, rec)
		}
		seen[string(b)] = rec
	}
}

func FuzzRecordUnmarshalBinary(f *testing.F) {
	full, err := fullRecord().MarshalBinary()
	require.NoError(f, err)
	f.Add(full)
	f.Add(replaced(0, 1))
	rng := rand.New(rand.NewPCG(3, 4))
	for range 20 {
		b, err := randomRecord(rng).MarshalBinary()
		require.NoError(f, err)
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		var rec store.Record
		if rec.UnmarshalBinary(in) != nil {
			require.Zero(t, rec)
			return
		}
		out, err := rec.MarshalBinary()
		require.NoError(t, err, "what was decoded can be encoded")
		require.Equal(t, in, out, "what was accepted is canonical")
	})
}

func BenchmarkRecordMarshalBinary(b *testing.B) {
	rec := fullRecord()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := rec.MarshalBinary(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRecordUnmarshalBinary(b *testing.B) {
	in, err := fullRecord().MarshalBinary()
	require.NoError(b, err)
	b.ReportAllocs()
	for b.Loop() {
		var rec store.Record
		if err := rec.UnmarshalBinary(in); err != nil {
			b.Fatal(err)
		}
	}
}
