package boltstore_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/boltstore"
	"github.com/sessionctx/storefront/sessionctx/store"
)

func TestOpen_FindsEveryRecordByteForByte(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "sessions.db")
	want := make(map[store.Key]store.Record)
	s, err := boltstore.Open(path)
	require.NoError(t, err)
	for i := range 400 { // enough for branch pages, and pages that go on
		key := session(fmt.Sprint("id-", i))
		key.Kind = store.Kind(i % 2)
		rec := shopper(int64(i%7) + 1)
		switch i % 4 {
		case 0:
			rec.Ended = true
		case 1:
			rec.ExpiresAt = store.Record{}.ExpiresAt
		case 2:
			rec.Attributes[0].Value = json.RawMessage(`"` + strings.Repeat("x", 50*i) + `"`)
		}
		save(t, s, key, rec, none)
		want[key] = rec
	}
	require.NoError(t, s.Close())
	for range 2 {
		s, err = boltstore.Open(path)
		require.NoError(t, err)
		assert.Equal(t, int64(len(want)), s.Stats().Records)
		assert.Zero(t, s.Stats().Damaged)
		for key, rec := range want {
			require.Equal(t, rec, load(t, s, key))
		}
		require.NoError(t, s.Close())
	}
}

func TestOpen_WhatHasEndedStaysEnded(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "sessions.db")
	shop := sessionctx.Static{"acme": {
		Sites:     []defaults.Site{{Code: "main", Default: true, Currency: "EUR", Country: "DE", Language: "de", Languages: []string{"de"}}},
		Customers: map[string]defaults.Customer{"C1": {}},
	}}
	request := func(id, customer string) sessionctx.Request {
		return sessionctx.Request{Identity: sessionctx.Identity{Tenant: "acme", SessionID: id, CustomerID: customer, Proof: sessionctx.Asserted}}
	}
	ctx := t.Context()
	start := func() (*sessionctx.Resolver, func()) {
		s, err := boltstore.Open(path)
		require.NoError(t, err)
		r, err := sessionctx.New(sessionctx.Config{Store: s, Directory: shop, Logger: slog.New(slog.DiscardHandler)})
		require.NoError(t, err)
		return r, func() {
			require.NoError(t, r.Close())
			require.NoError(t, s.Close())
		}
	}

	r, stop := start()
	_, err := r.Update(ctx, request("ended", ""), sessionctx.Patch{CartID: sessionctx.Set("cart-1")})
	require.NoError(t, err)
	require.NoError(t, r.End(ctx, request("ended", "")))
	for _, id := range []string{"phone", "laptop"} {
		_, err = r.Login(ctx, request(id, ""), "C1")
		require.NoError(t, err)
	}
	require.NoError(t, r.EndAll(ctx, "acme", "C1"))
	_, err = r.Login(ctx, request("tablet", ""), "C1")
	require.NoError(t, err)
	kept, err := r.Update(ctx, request("tablet", "C1"), sessionctx.Patch{CartID: sessionctx.Set("cart-2")})
	require.NoError(t, err)
	stop()

	r, stop = start()
	defer stop()
	for _, req := range []sessionctx.Request{request("ended", ""), request("phone", "C1"), request("laptop", "C1")} {
		_, err := r.Resolve(ctx, req)
		assert.ErrorIs(t, err, sessionctx.ErrNotFound, "%s", req.SessionID)
		_, err = r.Update(ctx, req, sessionctx.Patch{CartID: sessionctx.Set("cart-3")})
		assert.ErrorIs(t, err, sessionctx.ErrNotFound, "%s", req.SessionID)
	}
	got, err := r.Resolve(ctx, request("tablet", "C1"))
	require.NoError(t, err)
	assert.Equal(t, "cart-2", got.CartID)
	assert.Equal(t, kept.Version, got.Version)
}

func TestStore_NoSessionIDIsInTheFileAndNobodyElseReadsIt(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "sessions.db")
	s, err := boltstore.Open(path)
	require.NoError(t, err)
	const secret = "RP4JCQKN6T8VUDWFHY2ZBSMEXA"
	rec := shopper(1)
	rec.Secret = true
	save(t, s, session(secret), rec, none)
	next := rec
	next.Version = 2
	save(t, s, session(secret), next, rec.Revision())
	require.NoError(t, s.Close())
	image, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Contains(t, string(image), rec.Carts[0].ID, "the test looks where records are")
	assert.NotContains(t, string(image), secret)
	info, err := os.Stat(path)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	entries, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	assert.Len(t, entries, 1, "nothing is left of the making")
}

func TestWriteTo_CopiesWhatTheStoreWasWhileItGoesOn(t *testing.T) {
	t.Parallel()
	s := fresh(t)
	for i := range 200 {
		save(t, s, session(fmt.Sprint(i)), shopper(1), none)
	}
	done, stop := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for v := int64(1); ; v++ {
			select {
			case <-stop:
				return
			default:
			}
			rec := shopper(v + 1)
			_, err := s.Save(context.Background(), session("0"), rec, store.Revision{Incarnation: 1, Version: v})
			if !assert.NoError(t, err) {
				return
			}
		}
	}()
	for range 5 {
		before := load(t, s, session("0")).Version
		var b bytes.Buffer
		n, err := s.WriteTo(&b)
		require.NoError(t, err)
		assert.Equal(t, int64(b.Len()), n)
		path := filepath.Join(t.TempDir(), "copy.db")
		require.NoError(t, os.WriteFile(path, b.Bytes(), 0o600))
		c := open(t, path)
		assert.Equal(t, int64(200), c.Stats().Records)
		assert.GreaterOrEqual(t, load(t, c, session("0")).Version, before)
		assert.Equal(t, int64(1), load(t, c, session("199")).Version)
	}
	close(stop)
	<-done
}

func TestClose_LosesNoAnsweredWrite(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "sessions.db")
	versions := make([]int64, 8)
	for range 5 {
		s, err := boltstore.Open(path)
		require.NoError(t, err)
		var wg sync.WaitGroup
		some := make(chan struct{}, 1000)
		for i := range versions {
			wg.Go(func() {
				for {
					rec, base := shopper(versions[i]+1), store.Revision{}
					if versions[i] > 0 {
						base = store.Revision{Incarnation: 1, Version: versions[i]}
					}
					_, err := s.Save(context.Background(), session(fmt.Sprint(i)), rec, base)
					if err != nil {
						assert.ErrorIs(t, err, store.ErrUnavailable)
						assert.ErrorContains(t, err, "nothing was written")
						return
					}
					versions[i]++
					select {
					case some <- struct{}{}:
					default:
					}
				}
			})
		}
		for range 50 {
			<-some
		}
		require.NoError(t, s.Close())
		require.NoError(t, s.Close(), "a second time")
		wg.Wait()
		_, err = s.Load(t.Context(), session("0"))
		assert.ErrorContains(t, err, "closed")
		_, err = s.WriteTo(&bytes.Buffer{})
		assert.ErrorContains(t, err, "closed")
		s, err = boltstore.Open(path)
		require.NoError(t, err)
		for i, v := range versions {
			require.Equal(t, v, load(t, s, session(fmt.Sprint(i))).Version)
		}
		require.NoError(t, s.Close())
	}
}

func TestSave_RefusesARecordWithoutIncarnation(t *testing.T) {
	t.Parallel()
	s := fresh(t)
	_, err := s.Save(t.Context(), session("a"), store.Record{Tenant: "acme", Version: 1}, none)
	require.ErrorContains(t, err, "nothing was written")
	assert.ErrorIs(t, err, store.ErrUnavailable)
	assert.False(t, errors.Is(err, store.ErrConflict))
	assert.Zero(t, load(t, s, session("a")))
}
