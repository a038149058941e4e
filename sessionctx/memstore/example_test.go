package memstore_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sessionctx/storefront/sessionctx/memstore"
	"github.com/sessionctx/storefront/sessionctx/store"
)

// The zero Store is ready for use. A shop hands it to a Resolver, in sessionctx.Config.Store. This
// example calls it directly.
func Example() {
	ctx := context.Background()
	backend := &memstore.Store{MaxBytes: 64 << 20}

	key := store.Key{Tenant: "acme", Kind: store.KindSession, ID: "s1"}
	rec := store.Record{Tenant: "acme", Incarnation: 1, Version: 1, ExpiresAt: time.Now().Add(time.Hour)}
	_, err := backend.Save(ctx, key, rec, store.Revision{})
	fmt.Println("first write:", err)

	_, err = backend.Save(ctx, key, rec, store.Revision{})
	fmt.Println("once more, as if nothing were there: conflict:", errors.Is(err, store.ErrConflict))

	fmt.Println("records:", backend.Stats().Records)
	// Output:
	// first write: <nil>
	// once more, as if nothing were there: conflict: true
	// records: 1
}

// At its bound the store evicts the oldest guest's session without a cart. Where there is none a
// write is refused.
func ExampleStore_full() {
	ctx := context.Background()
	backend := &memstore.Store{MaxBytes: 1700} // room for two

	save := func(id, cart string) error {
		key := store.Key{Tenant: "acme", Kind: store.KindSession, ID: id}
		rec := store.Record{Tenant: "acme", Incarnation: 1, Version: 1}
		if cart != "" {
			rec.Carts = []store.Cart{{Site: "main", ID: cart}}
		}
		_, err := backend.Save(ctx, key, rec, store.Revision{})
		return err
	}
	fmt.Println("a visitor:", save("s1", ""))
	fmt.Println("a cart:", save("s2", "cart-1"))
	fmt.Println("another cart, which evicts the visitor:", save("s3", "cart-2"))
	fmt.Println("a third cart: full:", errors.Is(save("s4", "cart-3"), store.ErrFull))
	fmt.Printf("%d records, %d evicted\n", backend.Stats().Records, backend.Stats().Evicted)
	// Output:
	// a visitor: <nil>
	// a cart: <nil>
	// another cart, which evicts the visitor: <nil>
	// a third cart: full: true
	// 2 records, 1 evicted
}
