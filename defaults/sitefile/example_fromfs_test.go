package sitefile_test

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"log"

	"github.com/sessionctx/storefront/defaults/sitefile"
)

//go:embed testdata/shops
var embedded embed.FS

// Sample data can be part of the program. Nothing is followed then, and nothing need be closed.
func ExampleFromFS() {
	shops, err := fs.Sub(embedded, "testdata/shops")
	if err != nil {
		log.Fatal(err)
	}
	files, err := sitefile.FromFS(shops)
	if err != nil {
		log.Fatal(err)
	}
	sites, err := files.Sites(context.Background(), "othershop")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(sites[0].Code, sites[0].Currency, sites[0].Country, sites[0].Language)
	// Output: main SEK SE sv
}
