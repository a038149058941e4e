package memstore_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/memstore"
)

// The zero Store is ready. It is handed to a Resolver, as sessionctx.Config{Store: &memstore.Store{}, ...}; here it is
// asked itself.
func Example() {
	ctx := context.Background()
	store := &memstore.Store{MaxBytes: 64 << 20}

	key := sessionctx.Key{Tenant: "acme", Kind: sessionctx.KindSession, ID: "s1"}
	rec := sessionctx.Record{Tenant: "acme", Incarnation: 1, Version: 1, ExpiresAt: time.Now().Add(time.Hour)}
	_, err := store.Save(ctx, key, rec, sessionctx.Revision{})
	fmt.Println("first write:", err)

	_, err = store.Save(ctx, key, rec, sessionctx.Revision{})
	fmt.Println("once more, as if nothing were there: conflict:", errors.Is(err, sessionctx.ErrConflict))

	fmt.Println("records:", store.Stats().Records)
	// Output:
	// first write: <nil>
	// once more, as if nothing were there: conflict: true
	// records: 1
}

// At its bound the store lets the oldest anonymous session without a cart go. What must not be lost is refused instead.
func ExampleStore_full() {
	ctx := context.Background()
	store := &memstore.Store{MaxBytes: 1500} // room for two

	save := func(id, cart string) error {
		key := sessionctx.Key{Tenant: "acme", Kind: sessionctx.KindSession, ID: id}
		rec := sessionctx.Record{Tenant: "acme", Incarnation: 1, Version: 1, CartID: cart}
		_, err := store.Save(ctx, key, rec, sessionctx.Revision{})
		return err
	}
	fmt.Println("a visitor:", save("s1", ""))
	fmt.Println("a cart:", save("s2", "cart-1"))
	fmt.Println("another cart, in the place of the visitor:", save("s3", "cart-2"))
	fmt.Println("a third cart: full:", errors.Is(save("s4", "cart-3"), sessionctx.ErrFull))
	fmt.Printf("%d records, %d evicted\n", store.Stats().Records, store.Stats().Evicted)
	// Output:
	// a visitor: <nil>
	// a cart: <nil>
	// another cart, in the place of the visitor: <nil>
	// a third cart: full: true
	// 2 records, 1 evicted
}
