package sitefile_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/defaults/sitefile"
	"github.com/sessionctx/storefront/sessionctx"
)

// What is accepted can be used, and what is refused says where and why.
func FuzzFiles(f *testing.F) {
	for _, tenant := range []string{"demoshop", "othershop"} {
		var seed [3][]byte
		for i, name := range []string{"sites.json", "customers.json", "clients.json"} {
			data, err := os.ReadFile(filepath.Join("testdata", "shops", tenant, name))
			require.NoError(f, err)
			seed[i] = data
		}
		f.Add(seed[0], seed[1], seed[2])
	}
	f.Add([]byte(sitesIn("EUR")), []byte(goodCustomers), []byte(goodClients))
	f.Add([]byte("\ufeff[]"), []byte(`[{"id":"a","id":null}]`), []byte("[\xff"))
	f.Add([]byte(`[[{}],0,null,"x"]`), []byte(`{"a":{"a":1,"a":[]}}`), []byte(`[{"clientId":"\ud800","scopes":[null]}]`))
	f.Add([]byte(strings.Replace(sitesIn("TMN"), `"currency"`, `"extraCurrencies": {"TMN": 0, "usd": 2, "": 9, "x": null}, "currency"`, 1)), []byte(goodCustomers), []byte(goodClients))
	f.Fuzz(func(t *testing.T, sites, customers, clients []byte) {
		files, err := sitefile.FromFS(fstest.MapFS{
			"shop/sites.json":     {Data: sites},
			"shop/customers.json": {Data: customers},
			"shop/clients.json":   {Data: clients},
		})
		if err != nil {
			for _, m := range mistakes(t, err) {
				data := map[string][]byte{"shop/sites.json": sites, "shop/customers.json": customers, "shop/clients.json": clients}[m.File]
				require.NotNil(t, data, m.File)
				lines := strings.Split(string(data), "\n")
				require.True(t, 1 <= m.Line && m.Line <= len(lines), "line %d of %d", m.Line, len(lines))
				require.True(t, 1 <= m.Column && m.Column <= len(lines[m.Line-1])+1, "column %d of %d", m.Column, len(lines[m.Line-1]))
				require.NotEmpty(t, m.Rule)
				require.LessOrEqual(t, len(m.Value), 64+len("…"))
			}
			return
		}
		list, err := files.Sites(context.Background(), "shop")
		require.NoError(t, err)
		again, mistakes, err := defaults.CompileSites(list, nil, time.Time{})
		require.NoError(t, err)
		if len(files.Warnings()) == 0 {
			require.Empty(t, mistakes)
			assert.Equal(t, list, again.List(), "in the form of the table")
		}
		_, err = files.Sites(context.Background(), "shops")
		require.True(t, errors.Is(err, sessionctx.ErrUnknownTenant))
	})
}
