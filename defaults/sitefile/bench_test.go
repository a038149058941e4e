package sitefile_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/defaults/sitefile"
)

func BenchmarkSites(b *testing.B) {
	f, err := sitefile.FromFS(shop(nil))
	require.NoError(b, err)
	ctx := context.Background()
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			_, _ = f.Sites(ctx, "demoshop")
		}
	})
}

func BenchmarkCustomer(b *testing.B) {
	f, err := sitefile.FromFS(shop(nil))
	require.NoError(b, err)
	ctx := context.Background()
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			_, _ = f.Customer(ctx, "demoshop", "C1")
		}
	})
}

// BenchmarkPollUnchanged is what a second costs while nothing changes, every third poll with its
// reading included.
func BenchmarkPollUnchanged(b *testing.B) {
	dir := b.TempDir()
	require.NoError(b, os.Mkdir(dir+"/demoshop", 0o755))
	for name, data := range map[string]string{"sites": sitesIn("EUR"), "customers": manyCustomers(20_000)} {
		require.NoError(b, os.WriteFile(dir+"/demoshop/"+name+".json", []byte(data), 0o600))
	}
	f, err := sitefile.FromFS(os.DirFS(dir))
	require.NoError(b, err)
	b.ReportAllocs()
	for b.Loop() {
		f.Poll()
	}
}

func BenchmarkDecodeCustomers(b *testing.B) {
	fsys := shop(map[string]string{"demoshop/customers.json": manyCustomers(20_000)})
	b.SetBytes(int64(len(fsys["demoshop/customers.json"].Data)))
	b.ReportAllocs()
	for b.Loop() {
		_, err := sitefile.FromFS(fsys)
		require.NoError(b, err)
	}
}

func manyCustomers(n int) string {
	var all []string
	for i := range n {
		all = append(all, fmt.Sprintf(`{"id": "C%d", "contactEmail": "c%d@shop.example", "passwordHash": %q, "preferredCurrency": "EUR",
			"addresses": [{"country": "DE", "tags": ["SHIPPING"], "isDefault": true}]}`, i, i, hash))
	}
	return "[" + strings.Join(all, ",\n") + "]"
}
