package redisstore_test

import (
	"log"

	"github.com/redis/rueidis"

	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/redisstore"
)

func Example() {
	store, err := redisstore.New(redisstore.Config{
		Client: rueidis.ClientOption{InitAddress: []string{"redis.internal:6379"}, Username: "shop", Password: "..."},
	})
	if err != nil {
		log.Fatal(err) // the server does not answer, or is not supported
	}
	defer store.Close()
	resolver, err := sessionctx.New(sessionctx.Config{Store: store, Directory: directory})
	if err != nil {
		log.Fatal(err)
	}
	defer resolver.Close() // before the store
}
