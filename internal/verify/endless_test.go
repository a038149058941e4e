package verify_test

import (
	"context"
	"fmt"
	"strconv"
	"sync/atomic"

	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/store"
)

// endlessStore has a record for every sessionID, and keeps none.
type endlessStore struct {
	template store.Record
	each     int          // sessions of each customer; 0: all are anonymous
	loads    atomic.Int64 // of sessions
}

func sessionID(i int) string { return fmt.Sprintf("62528895-b561-4518-bfdc-%012d", i) }

// customer returns whose the session with this number is.
func (s *endlessStore) customer(i int) string {
	if s.each == 0 {
		return ""
	}
	return fmt.Sprintf("C%08d", i/s.each)
}

func (s *endlessStore) Load(_ context.Context, key store.Key) (store.Record, error) {
	if key.Kind != store.KindSession {
		return store.Record{}, nil
	}
	s.loads.Add(1)
	i, err := strconv.Atoi(key.ID[len(key.ID)-12:])
	if err != nil {
		return store.Record{}, err
	}
	rec := s.template
	rec.CustomerID = s.customer(i)
	rec.Carts = []store.Cart{{ID: fmt.Sprintf("%024x", i)}}
	if i%2 == 0 {
		rec.Choices.Country = "AT"
	}
	return rec, nil
}

func (*endlessStore) Save(context.Context, store.Key, store.Record, sessionctx.Revision) (store.Record, error) {
	panic("nobody writes")
}

func (*endlessStore) Watch(sink store.Sink) func() {
	sink.Exclusive()
	return func() {}
}
