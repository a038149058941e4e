package storetest

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"time"

	"github.com/sessionctx/storefront/sessionctx/store"
)

// now returns the present as records have it: whole milliseconds, UTC.
func now() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }

// farOff returns the nth of a row of instants in the future, none a whole second.
func farOff(n int) time.Time { return time.UnixMilli(4e12 + 1001*int64(n)).UTC() }

// first returns a record as it is written first under key. It is a customer's and has a cart: a
// store at its bound must not evict it.
func first(key store.Key) store.Record {
	at := now()
	return store.Record{
		Tenant: key.Tenant, Incarnation: rand.Uint64() | 1, Version: 1, WriteID: rand.Uint64(),
		First: 1, Login: 1, CustomerID: "C1", Company: "LE1", Heir: []byte("sealed"),
		Carts:      []store.Cart{{Site: "main", ID: "cart-1", Country: "DE", Currency: "EUR", Changed: 1}},
		Dimensions: []store.Dimension{{Name: "group", Value: "vip", Changed: 1}},
		Unknown:    unknownField(99, 7),
		Attributes: []store.Attribute{{Name: "a", Value: json.RawMessage(`{"n": 1}`), Changed: 1}},
		CreatedAt:  at, ModifiedAt: at, ExpiresAt: at.Add(time.Hour),
	}
}

// next returns the record that a write makes of rec.
func next(rec store.Record) store.Record {
	rec.Version++
	rec.WriteID = rand.Uint64()
	rec.Carts = []store.Cart{{Site: "main", ID: fmt.Sprintf("cart-%d", rec.Version)}}
	rec.Attributes = []store.Attribute{{Name: "a", Value: fmt.Appendf(nil, `{"n": %d}`, rec.Version), Changed: rec.Version}}
	rec.Changed[len(rec.Changed)-1] = rec.Version
	rec.ModifiedAt = rec.ModifiedAt.Add(time.Millisecond)
	return rec
}

// unknownField returns a field of a newer program in its binary form, with a value of one byte.
func unknownField(number uint64, value byte) []byte {
	return append(binary.AppendUvarint(nil, number), 1, value)
}

// filled returns a record with something in each field, also in fields that are added to Record
// after this was written. It fails for a field of a kind that it does not know.
func filled(key store.Key) (store.Record, error) {
	var rec store.Record
	n := 0
	if err := fill(reflect.ValueOf(&rec).Elem(), "Record", &n); err != nil {
		return rec, err
	}
	rec.Tenant = key.Tenant
	return rec, nil
}

var timeType = reflect.TypeFor[time.Time]()

// fill sets each part of v to a value of its own, made from the count n.
func fill(v reflect.Value, path string, n *int) error {
	*n++
	switch {
	case !v.CanSet():
		return fmt.Errorf("the suite cannot fill %s: extend it", path)
	case path == "Record.Unknown": // not any bytes: a store may look at them
		v.SetBytes(append(unknownField(1000, 1), unknownField(1000+uint64(*n), 0xff)...))
		return nil
	case v.Type() == reflect.TypeFor[[]byte]():
		v.SetBytes(fmt.Appendf(nil, "\x00\xff bytes-%04d", *n))
		return nil
	case v.Type() == timeType:
		v.Set(reflect.ValueOf(farOff(*n)))
		return nil
	case v.Type() == reflect.TypeFor[json.RawMessage]():
		v.SetBytes(fmt.Appendf(nil, `{"n" : %d.0}`, *n))
		return nil
	}
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int64, reflect.Int:
		v.SetInt(1<<62 + int64(*n))
	case reflect.Uint64:
		v.SetUint(1<<63 + uint64(*n))
	case reflect.String:
		v.SetString(fmt.Sprintf("text-%04d", *n))
	case reflect.Struct:
		for f, x := range v.Fields() {
			if err := fill(x, path+"."+f.Name, n); err != nil {
				return err
			}
		}
	case reflect.Slice, reflect.Array:
		if v.Kind() == reflect.Slice {
			v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		}
		for i := range v.Len() {
			if err := fill(v.Index(i), fmt.Sprintf("%s[%d]", path, i), n); err != nil {
				return err
			}
		}
	default:
		return fmt.Errorf("the suite cannot fill %s, a %s: extend it", path, v.Type())
	}
	return nil
}

// differences says in which fields got is not want.
func differences(got, want store.Record) []string {
	switch zero := (store.Revision{}); {
	case got.Revision() == zero && want.Revision() != zero:
		return []string{fmt.Sprintf("no record, want the one of revision %v", want.Revision())}
	case got.Revision() != zero && want.Revision() == zero:
		return []string{fmt.Sprintf("the record of revision %v, want none", got.Revision())}
	}
	return differ(reflect.ValueOf(got), reflect.ValueOf(want), "Record")
}

func differ(got, want reflect.Value, path string) (all []string) {
	note := func(g, w any) []string {
		return []string{fmt.Sprintf("another %s: %v, want %v", path, g, w)}
	}
	switch {
	case got.Type() == timeType:
		if g, w := got.Interface().(time.Time), want.Interface().(time.Time); !g.Equal(w) {
			return note(g.Format(time.RFC3339Nano), w.Format(time.RFC3339Nano))
		}
		return nil
	case got.Kind() == reflect.Slice && got.Type().Elem().Kind() == reflect.Uint8:
		if !bytes.Equal(got.Bytes(), want.Bytes()) {
			return note(clipped(got.Bytes()), clipped(want.Bytes()))
		}
		return nil
	}
	switch got.Kind() {
	case reflect.Struct:
		for i := range got.NumField() {
			all = append(all, differ(got.Field(i), want.Field(i), path+"."+got.Type().Field(i).Name)...)
		}
	case reflect.Slice, reflect.Array:
		if got.Len() != want.Len() {
			return note(fmt.Sprintf("%d elements", got.Len()), want.Len())
		}
		for i := range got.Len() {
			all = append(all, differ(got.Index(i), want.Index(i), fmt.Sprintf("%s[%d]", path, i))...)
		}
	case reflect.String:
		if got.String() != want.String() {
			return note(clipped([]byte(got.String())), clipped([]byte(want.String())))
		}
	default:
		if !got.Equal(want) {
			return note(got, want)
		}
	}
	return all
}

func clipped(b []byte) string {
	if len(b) > 80 {
		return fmt.Sprintf("%q... (%d bytes)", b[:80], len(b))
	}
	return fmt.Sprintf("%q", b)
}

// copied returns a copy of rec that shares nothing with it.
func copied(rec store.Record) store.Record {
	rec.Heir, rec.Unknown = bytes.Clone(rec.Heir), bytes.Clone(rec.Unknown)
	rec.Carts, rec.Dimensions = slices.Clone(rec.Carts), slices.Clone(rec.Dimensions)
	rec.Attributes = slices.Clone(rec.Attributes)
	for i := range rec.Attributes {
		rec.Attributes[i].Value = bytes.Clone(rec.Attributes[i].Value)
	}
	return rec
}
