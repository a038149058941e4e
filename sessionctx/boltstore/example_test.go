package boltstore_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/boltstore"
)

// A shop whose sessions survive its restart: the choice of the first run is there in the second.
func Example() {
	dir, err := os.MkdirTemp("", "shop-")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "sessions.db")

	run := func(use func(*sessionctx.Resolver) (sessionctx.Session, error)) {
		store, err := boltstore.Open(path)
		if err != nil {
			panic(err)
		}
		defer store.Close()
		resolver, err := sessionctx.New(sessionctx.Config{
			Store: store,
			Directory: sessionctx.Static{"myshop": {Sites: []defaults.Site{{
				Code: "main", Default: true, Country: "DE", Currency: "EUR", Currencies: []string{"EUR", "CHF"},
				Language: "de", Languages: []string{"de"},
			}}}},
		})
		if err != nil {
			panic(err)
		}
		defer resolver.Close() // before the store
		session, err := use(resolver)
		fmt.Println(session.Currency, session.Source(defaults.FieldCurrency), err)
	}

	ctx := context.Background()
	shopper := sessionctx.Request{Identity: sessionctx.Identity{Tenant: "myshop", SessionID: "s1", Proof: sessionctx.Asserted}}
	run(func(r *sessionctx.Resolver) (sessionctx.Session, error) {
		return r.Update(ctx, shopper, sessionctx.Patch{Currency: sessionctx.Set("CHF")})
	})
	run(func(r *sessionctx.Resolver) (sessionctx.Session, error) {
		return r.Resolve(ctx, shopper)
	})
	// Output:
	// CHF choice <nil>
	// CHF choice <nil>
}

// A copy can be made while the store is in use.
func ExampleStore_WriteTo() {
	dir, err := os.MkdirTemp("", "shop-")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	store, err := boltstore.Open(filepath.Join(dir, "sessions.db"))
	if err != nil {
		panic(err)
	}
	defer store.Close()

	backup, err := os.OpenFile(filepath.Join(dir, "backup.db"), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) // it holds secrets
	if err != nil {
		panic(err)
	}
	n, err := store.WriteTo(backup)
	fmt.Println(n > 0, err, backup.Close())
	// Output:
	// true <nil> <nil>
}
