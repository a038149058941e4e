package defaults_test

import (
	"errors"
	"fmt"

	"github.com/sessionctx/storefront/defaults"
)

// Every mistake is reported at once, and a program can tell them apart.
func ExampleNewSites() {
	_, err := defaults.NewSites([]defaults.Site{
		{Code: "main", Default: true, Currency: "DEM", Country: "DE", Language: "de"},
		{Code: "uk", Default: true, Currency: "GBP", Country: "UK", Language: "en"},
	})
	fmt.Println(err)
	var mistake *defaults.SiteError
	if errors.As(err, &mistake) {
		fmt.Println(mistake.Code, mistake.Field, mistake.Value)
	}
	// Output:
	// defaults: site 0 "main": currency "DEM": not a current ISO 4217 code
	// defaults: site 1 "uk": country "UK": not a current ISO 3166-1 code
	// defaults: site 1 "uk": default: only one active site can be the default site, and site 0 "main" is
	// main currency DEM
}
