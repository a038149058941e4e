package sessionctx

import (
	"encoding/binary"

	"github.com/sessionctx/storefront/sessionctx/store"
)

type (
	Record    = store.Record
	Key       = store.Key
	KeyHash   = store.KeyHash
	Kind      = store.Kind
	Attribute = store.Attribute
	Store     = store.Store
	Watcher   = store.Watcher
	Sink      = store.Sink
	Revision  = store.Revision
)

const (
	KindSession  = store.KindSession
	KindCustomer = store.KindCustomer
	numChanged   = store.NumChanged
)

func cartOf(rec *Record) string {
	if len(rec.Carts) == 0 {
		return ""
	}
	return rec.Carts[0].ID
}

func cartChanged(rec *Record) int64 {
	if len(rec.Carts) == 0 {
		return rec.RemovedCarts
	}
	return rec.Carts[0].Changed
}

func setCart(rec *Record, id string) {
	rec.Carts = nil
	if id == "" {
		rec.RemovedCarts = rec.Version
	} else {
		rec.Carts = []store.Cart{{ID: id, Changed: rec.Version}}
	}
}

func appendText[T ~string | ~[]byte](b []byte, s T) []byte {
	b = binary.AppendUvarint(b, uint64(len(s)))
	return append(b, s...)
}
