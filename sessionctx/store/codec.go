package store

import (
	"encoding"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/sessionctx/storefront/defaults"
)

var (
	_ encoding.BinaryAppender    = Record{}
	_ encoding.BinaryMarshaler   = Record{}
	_ encoding.BinaryUnmarshaler = (*Record)(nil)
)

// The binary form of a Record, schema 2. A number is a varint in its shortest form, zigzag where it
// is signed. A text is its length and its bytes. A time is milliseconds of Unix time.
//
//	schema, flags: one byte each
//	incarnation, write id: eight bytes each, big-endian
//	version, first version, generation, version of the login
//	created, modified, expires: each only if its flag is set
//	tenant, customer id
//	site, currency, country, language
//	changed: one for each index; removed attributes, removed carts
//	number of attributes, then of each: name, value, changed
//	length of all fields together, then the fields: each a number, a length and as many bytes, in the
//	order of their numbers
//
// An empty field is left out. A field with a number above maxField comes from a newer program: the
// decoder keeps it as it is, in Record.Unknown. So the part before the fields never changes, and
// every addition to Record becomes a field with the next number.
const recordSchema = 2

const (
	flagSecret = 1 << iota
	flagEnded
	flagCreated
	flagModified
	flagExpires
	flagsKnown = 1<<iota - 1
)

// The numbers of the fields.
const (
	fieldHeir = 1 + iota
	fieldCarts
	fieldCompany
	fieldDimensions
	maxField = iota
)

// The bytes that an element takes at least. A count of more elements than the input has room for is
// forged.
const (
	minAttribute = 3
	minCart      = 5
	minDimension = 3
	elementsRoom = 64 // allocated at once; the list grows as elements are read
)

var errTruncated = errors.New("truncated")

// MarshalBinary returns the binary form of r, as AppendBinary makes it.
func (r Record) MarshalBinary() ([]byte, error) {
	n := 96 + len(r.Tenant) + len(r.CustomerID) + len(r.Heir) + len(r.Company) + len(r.Unknown) +
		len(r.Choices.Site) + len(r.Choices.Currency) + len(r.Choices.Country) + len(r.Choices.Language)
	for i := range r.Attributes {
		n += 8 + len(r.Attributes[i].Name) + len(r.Attributes[i].Value)
	}
	for i := range r.Carts {
		c := &r.Carts[i]
		n += 8 + len(c.Site) + len(c.ID) + len(c.Country) + len(c.Currency)
	}
	return r.AppendBinary(make([]byte, 0, n))
}

// AppendBinary appends the binary form of r to b. A record has one binary form, so that equal
// records are equal bytes. These are errors: an incarnation of 0 ("no record"), a time that is not
// a whole number of milliseconds, attributes, carts or dimensions that are not sorted or not
// unique, and an Unknown that is not a list of fields that this program does not know.
func (r Record) AppendBinary(b []byte) ([]byte, error) {
	if r.Incarnation == 0 {
		return b, errors.New("sessionctx: encode record: incarnation is 0: there is no record to encode")
	}
	var flags byte
	if r.Secret {
		flags |= flagSecret
	}
	if r.Ended {
		flags |= flagEnded
	}
	times := [...]struct {
		name string
		t    time.Time
		flag byte
	}{{"CreatedAt", r.CreatedAt, flagCreated}, {"ModifiedAt", r.ModifiedAt, flagModified}, {"ExpiresAt", r.ExpiresAt, flagExpires}}
	for _, x := range times {
		if x.t.IsZero() {
			continue
		}
		if !time.UnixMilli(x.t.UnixMilli()).Equal(x.t) {
			return b, fmt.Errorf("sessionctx: encode record: %s %q is no whole number of milliseconds", x.name, x.t)
		}
		flags |= x.flag
	}
	if err := r.checkOrder(); err != nil {
		return b, fmt.Errorf("sessionctx: encode record: %w", err)
	}

	b = append(b, recordSchema, flags)
	b = binary.BigEndian.AppendUint64(b, r.Incarnation)
	b = binary.BigEndian.AppendUint64(b, r.WriteID)
	for _, v := range [...]int64{r.Version, r.First, r.Generation, r.Login} {
		b = binary.AppendVarint(b, v)
	}
	for _, x := range times {
		if flags&x.flag != 0 {
			b = binary.AppendVarint(b, x.t.UnixMilli())
		}
	}
	for _, s := range [...]string{
		r.Tenant, r.CustomerID, r.Choices.Site, r.Choices.Currency, r.Choices.Country, r.Choices.Language,
	} {
		b = appendText(b, s)
	}
	for _, v := range r.Changed {
		b = binary.AppendVarint(b, v)
	}
	b = binary.AppendVarint(b, r.RemovedAttributes)
	b = binary.AppendVarint(b, r.RemovedCarts)
	b = binary.AppendUvarint(b, uint64(len(r.Attributes)))
	for i := range r.Attributes {
		a := &r.Attributes[i]
		b = appendText(b, a.Name)
		b = appendText(b, a.Value)
		b = binary.AppendVarint(b, a.Changed)
	}
	return appendText(b, r.fields()), nil
}

// fields returns the fields. Their length precedes them: otherwise a record that was cut off
// between two fields could not be told from a whole one.
func (r *Record) fields() (b []byte) {
	b = appendField(b, fieldHeir, r.Heir)
	b = appendField(b, fieldCarts, r.carts())
	b = appendField(b, fieldCompany, []byte(r.Company))
	b = appendField(b, fieldDimensions, r.dimensions())
	return append(b, r.Unknown...)
}

// checkOrder reports lists that have more than one binary form.
func (r *Record) checkOrder() error {
	if err := ordered("attribute", r.Attributes, func(a *Attribute) string { return a.Name }); err != nil {
		return err
	}
	if err := ordered("cart of site", r.Carts, func(c *Cart) string { return c.Site }); err != nil {
		return err
	}
	if err := ordered("dimension", r.Dimensions, func(d *Dimension) string { return d.Name }); err != nil {
		return err
	}
	d := decoder{rest: r.Unknown}
	for last := uint64(maxField); len(d.rest) > 0; {
		number, _ := d.field(last)
		if d.err != nil {
			return fmt.Errorf("unknown fields: %w", d.err)
		}
		last = number
	}
	return nil
}

func ordered[T any](what string, list []T, name func(*T) string) error {
	for i := 1; i < len(list); i++ {
		if before, here := name(&list[i-1]), name(&list[i]); before >= here {
			return fmt.Errorf("%s %q after %q: must be sorted, and each there once", what, cut(here), cut(before))
		}
	}
	return nil
}

// cut shortens a name for an error message.
func cut(s string) string { return s[:min(len(s), 64)] }

func (r *Record) carts() (b []byte) {
	if len(r.Carts) == 0 {
		return nil
	}
	b = binary.AppendUvarint(b, uint64(len(r.Carts)))
	for i := range r.Carts {
		c := &r.Carts[i]
		for _, s := range [...]string{c.Site, c.ID, c.Country, c.Currency} {
			b = appendText(b, s)
		}
		b = binary.AppendVarint(b, c.Changed)
	}
	return b
}

func (r *Record) dimensions() (b []byte) {
	if len(r.Dimensions) == 0 {
		return nil
	}
	b = binary.AppendUvarint(b, uint64(len(r.Dimensions)))
	for i := range r.Dimensions {
		d := &r.Dimensions[i]
		b = appendText(b, d.Name)
		b = appendText(b, d.Value)
		b = binary.AppendVarint(b, d.Changed)
	}
	return b
}

// appendField appends a field, nothing if it is empty.
func appendField(b []byte, number uint64, value []byte) []byte {
	if len(value) == 0 {
		return b
	}
	b = binary.AppendUvarint(b, number)
	return appendText(b, value)
}

func appendText[T ~string | ~[]byte](b []byte, s T) []byte {
	b = binary.AppendUvarint(b, uint64(len(s)))
	return append(b, s...)
}

// UnmarshalBinary sets r to the record with the binary form b. Bytes that AppendBinary cannot have
// made are an error, which leaves r as it was. UnmarshalBinary keeps no reference to b, and
// allocates at most a fixed multiple of its length.
func (r *Record) UnmarshalBinary(b []byte) error {
	d := decoder{rest: b}
	var rec Record
	switch schema := d.byte(); {
	case d.err != nil:
	case schema != recordSchema:
		return fmt.Errorf("sessionctx: decode record: unknown schema %d, this program knows %d", schema, recordSchema)
	}
	flags := d.byte()
	if flags&^flagsKnown != 0 {
		d.fail("unknown flags %#x", flags&^flagsKnown)
	}
	rec.Secret, rec.Ended = flags&flagSecret != 0, flags&flagEnded != 0
	rec.Incarnation, rec.WriteID = d.uint64(), d.uint64()
	if rec.Incarnation == 0 {
		d.fail("incarnation is 0")
	}
	rec.Version, rec.First, rec.Generation, rec.Login = d.varint(), d.varint(), d.varint(), d.varint()
	rec.CreatedAt = d.time(flags & flagCreated)
	rec.ModifiedAt = d.time(flags & flagModified)
	rec.ExpiresAt = d.time(flags & flagExpires)
	rec.Tenant, rec.CustomerID = d.text(), d.text()
	rec.Choices = defaults.Choices{Site: d.text(), Currency: d.text(), Country: d.text(), Language: d.text()}
	for i := range rec.Changed {
		rec.Changed[i] = d.varint()
	}
	rec.RemovedAttributes, rec.RemovedCarts = d.varint(), d.varint()
	rec.Attributes = elements(&d, minAttribute, func() Attribute {
		return Attribute{Name: d.text(), Value: d.bytes(), Changed: d.varint()}
	})
	fields := decoder{rest: d.take(d.uvarint())}
	if len(d.rest) > 0 {
		d.fail("%d bytes too many", len(d.rest))
	}
	if fields.fields(&rec); d.err == nil {
		d.err = fields.err
	}
	if d.err == nil {
		d.err = rec.checkOrder()
	}
	if d.err != nil {
		return fmt.Errorf("sessionctx: decode record: %w", d.err)
	}
	*r = rec
	return nil
}

// decoder reads the binary form from its front. After an error it reads zeros and keeps that error.
type decoder struct {
	rest []byte
	err  error
}

func (d *decoder) fail(format string, args ...any) {
	if d.err == nil {
		d.err = fmt.Errorf(format, args...)
	}
}

// take returns the next n bytes, still shared with the input.
func (d *decoder) take(n uint64) []byte {
	if d.err == nil && n > uint64(len(d.rest)) {
		d.err = errTruncated
	}
	if d.err != nil {
		return nil
	}
	b := d.rest[:n]
	d.rest = d.rest[n:]
	return b
}

func (d *decoder) byte() byte {
	if b := d.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (d *decoder) uint64() uint64 {
	if b := d.take(8); b != nil {
		return binary.BigEndian.Uint64(b)
	}
	return 0
}

func (d *decoder) uvarint() uint64 {
	if d.err != nil {
		return 0
	}
	v, n := binary.Uvarint(d.rest)
	switch {
	case n == 0:
		d.err = errTruncated
	case n < 0:
		d.fail("a number has more than 64 bits")
	case n > 1 && d.rest[n-1] == 0:
		d.fail("a number is not in its shortest form")
	}
	if d.err != nil {
		return 0
	}
	d.rest = d.rest[n:]
	return v
}

func (d *decoder) varint() int64 {
	u := d.uvarint()
	return int64(u>>1) ^ -int64(u&1)
}

func (d *decoder) text() string { return string(d.take(d.uvarint())) }

func (d *decoder) time(present byte) time.Time {
	if present == 0 || d.err != nil {
		return time.Time{}
	}
	ms := d.varint()
	t := time.UnixMilli(ms).UTC()
	if d.err == nil && (t.IsZero() || t.UnixMilli() != ms) {
		d.fail("time %d is out of range", ms)
	}
	return t
}

func (d *decoder) bytes() []byte { return append([]byte(nil), d.take(d.uvarint())...) }

// elements returns a list, nil if it is empty.
func elements[T any](d *decoder, least uint64, next func() T) []T {
	n := d.uvarint()
	if n > uint64(len(d.rest))/least {
		d.fail("%d elements cannot be in %d bytes", n, len(d.rest))
	}
	if n == 0 || d.err != nil {
		return nil
	}
	list := make([]T, 0, min(n, elementsRoom))
	for range n {
		x := next()
		if d.err != nil {
			return nil
		}
		list = append(list, x)
	}
	return list
}

// field returns the next field, still shared with the input. Its number is above last.
func (d *decoder) field(last uint64) (number uint64, value []byte) {
	number, value = d.uvarint(), d.take(d.uvarint())
	if d.err == nil && number <= last {
		d.fail("field %d: the number must be above %d", number, last)
	}
	if d.err == nil && len(value) == 0 {
		d.fail("field %d is empty", number)
	}
	return number, value
}

// fields reads the fields up to the end.
func (d *decoder) fields(rec *Record) {
	var last uint64
	for d.err == nil && len(d.rest) > 0 {
		before := d.rest
		number, value := d.field(last)
		if d.err != nil {
			return
		}
		last = number
		in := decoder{rest: value}
		switch number {
		case fieldHeir:
			rec.Heir = append([]byte(nil), in.take(uint64(len(value)))...)
		case fieldCarts:
			rec.Carts = elements(&in, minCart, func() Cart {
				return Cart{Site: in.text(), ID: in.text(), Country: in.text(), Currency: in.text(), Changed: in.varint()}
			})
		case fieldCompany:
			rec.Company = string(in.take(uint64(len(value))))
		case fieldDimensions:
			rec.Dimensions = elements(&in, minDimension, func() Dimension {
				return Dimension{Name: in.text(), Value: in.text(), Changed: in.varint()}
			})
		default: // of a newer program, like all fields that follow; checkOrder looks at them
			rec.Unknown = append([]byte(nil), before...)
			d.rest = nil
			return
		}
		switch {
		case in.err != nil:
			d.fail("field %d: %w", number, in.err)
		case len(in.rest) > 0:
			d.fail("field %d: %d bytes too many", number, len(in.rest))
		case number == fieldCarts && rec.Carts == nil, number == fieldDimensions && rec.Dimensions == nil:
			d.fail("field %d has no elements", number)
		}
	}
}
