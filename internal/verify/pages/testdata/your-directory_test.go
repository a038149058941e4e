package shop

import (
	"database/sql"
	"os"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/defaults"
)

func init() {
	testDatabase = func(t *testing.T) *sql.DB {
		db, err := sql.Open("pgx", os.Getenv("DATABASE"))
		require.NoError(t, err)
		t.Cleanup(func() { assert.NoError(t, db.Close()) })
		return db
	}
}

func TestMain(m *testing.M) {
	db, err := sql.Open("pgx", os.Getenv("DATABASE"))
	if err == nil {
		_, err = db.Exec(`INSERT INTO tenants VALUES ('myshop');
			INSERT INTO sites VALUES ('myshop', 'us', false, false, 'US', '', 'USD', '', 'en', ''),
				('myshop', 'main', true, false, 'DE', 'AT CH', 'EUR', 'CHF', 'de', 'en');
			INSERT INTO customers VALUES ('myshop', 'anna', '', 'CHF', 'de_CH');
			INSERT INTO addresses VALUES ('myshop', 'anna', 'shipping', 'AUT', true), ('myshop', 'anna', 'billing', 'DE', false)`)
	}
	if err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

func TestDatabase_DirectoryReadsAllOfIt(t *testing.T) {
	d := &Directory{DB: testDatabase(t)}
	sites, err := d.Sites(t.Context(), "myshop")
	require.NoError(t, err)
	require.Len(t, sites, 2)
	assert.Equal(t, defaults.Site{
		Code: "main", Default: true, Country: "DE", ShipTo: []string{"AT", "CH"}, Currency: "EUR", Currencies: []string{"CHF"},
		Language: "de", Languages: []string{"en"},
	}, sites[0])
	assert.Empty(t, sites[1].ShipTo)
	anna, err := d.Customer(t.Context(), "myshop", "anna")
	require.NoError(t, err)
	assert.Equal(t, defaults.Customer{Currency: "CHF", Language: "de_CH", Addresses: []defaults.Address{
		{Country: "DE", Tags: []string{"billing"}}, {Country: "AUT", Tags: []string{"shipping"}, Default: true},
	}}, anna)
	ben, err := d.Customer(t.Context(), "myshop", "ben")
	require.NoError(t, err)
	assert.Zero(t, ben)
}

func TestDatabase_WatchReportsEachChangeAndStops(t *testing.T) {
	d := &Directory{DB: testDatabase(t)}
	heard := make(chan [2]string, 16)
	stop := d.Watch(func(tenant, customerID string) { heard <- [2]string{tenant, customerID} })
	assert.Equal(t, [2]string{}, <-heard, "what was before may have been missed")
	_, err := d.DB.Exec(`INSERT INTO changes (tenant, customer) VALUES ('myshop', 'anna'), ('myshop', '')`)
	require.NoError(t, err)
	assert.Equal(t, [2]string{"myshop", "anna"}, <-heard)
	assert.Equal(t, [2]string{"myshop", ""}, <-heard)
	stop()
	assert.Empty(t, heard)
}
