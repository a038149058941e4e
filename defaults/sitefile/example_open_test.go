package sitefile_test

import (
	"context"
	"fmt"
	"log"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/defaults/sitefile"
)

// The folder has one folder for each tenant. What Open returns goes into a resolver's Config as
// its Directory; here a session is resolved by hand.
func ExampleOpen() {
	files, err := sitefile.Open("testdata/shops", sitefile.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer files.Close()

	ctx := context.Background()
	list, err := files.Sites(ctx, "demoshop")
	if err != nil {
		log.Fatal(err)
	}
	anna, err := files.Customer(ctx, "demoshop", "C100")
	if err != nil {
		log.Fatal(err)
	}
	sites, err := defaults.NewSites(list)
	if err != nil {
		log.Fatal(err)
	}
	v := sites.Resolve(defaults.Input{Customer: &anna})
	fmt.Println(files.Tenants())
	fmt.Println(v.Site, v.Currency, v.Country, v.Language)
	// Output:
	// [demoshop othershop]
	// main EUR AT de
}
