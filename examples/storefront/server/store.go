package server

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"github.com/redis/rueidis"

	"github.com/sessionctx/storefront/sessionctx/boltstore"
	"github.com/sessionctx/storefront/sessionctx/memstore"
	"github.com/sessionctx/storefront/sessionctx/redisstore"
	"github.com/sessionctx/storefront/sessionctx/store"
)

var errStore = errors.New("must be memory, bolt:PATH or redis://HOST:PORT/DB (rediss:// with TLS)")

// openStore returns the store that the flag names, and what is to be closed after use, if anything
// is.
func openStore(name string, logger *slog.Logger) (store.Store, io.Closer, error) {
	if name == "" || name == "memory" {
		return &memstore.Store{}, nil, nil
	}
	kind, rest, _ := strings.Cut(name, ":")
	switch {
	case kind == "bolt" && rest != "":
		s, err := boltstore.Open(rest)
		if err != nil {
			return nil, nil, fmt.Errorf("storefront: -store %q: %w", name, err)
		}
		return s, s, nil
	case kind == "redis", kind == "rediss":
		client, err := rueidis.ParseURL(name)
		if err != nil { // which may show the password
			return nil, nil, fmt.Errorf("storefront: -store %s://...: %w", kind, errStore)
		}
		s, err := redisstore.New(redisstore.Config{Client: client, Logger: logger})
		if err != nil {
			return nil, nil, fmt.Errorf("storefront: -store %s://%s: %w", kind, strings.Join(client.InitAddress, ","), err)
		}
		return s, s, nil
	}
	return nil, nil, fmt.Errorf("storefront: -store %s:...: %w", kind, errStore) // what follows may be a password
}
