package pgsessions

import (
	"database/sql"
	"os"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/sessionctx/store"
)

func init() {
	testDatabase = func(t *testing.T) *sql.DB {
		db, err := sql.Open("pgx", os.Getenv("DATABASE"))
		require.NoError(t, err)
		t.Cleanup(func() { assert.NoError(t, db.Close()) })
		return db
	}
}

func TestDatabase_SweepDeletesWhatHasExpiredAlone(t *testing.T) {
	s := &Store{DB: testDatabase(t)}
	now := time.Now().UTC().Truncate(time.Millisecond)
	for id, expires := range map[string]time.Time{"past": now.Add(-time.Hour), "future": now.Add(time.Hour), "never": {}} {
		rec := store.Record{Tenant: "myshop", Incarnation: 1, First: 1, Version: 1, CreatedAt: now, ModifiedAt: now, ExpiresAt: expires}
		_, err := s.Save(t.Context(), store.Key{Tenant: "myshop", ID: id}, rec, store.Revision{})
		require.NoError(t, err)
	}
	require.NoError(t, s.Sweep(t.Context()))
	for id, want := range map[string]int{"past": 0, "future": 1, "never": 1} {
		hash := store.Key{Tenant: "myshop", ID: id}.Hash()
		var rows int
		require.NoError(t, s.DB.QueryRow(`SELECT count(*) FROM session_records WHERE key = $1`, hash[:]).Scan(&rows))
		assert.Equal(t, want, rows, id)
	}
}
