package defaults_test

import (
	"fmt"
	"net/http"

	"github.com/sessionctx/storefront/defaults"
)

// Hints decide only where neither the shopper nor the profile does. The country header is taken
// from a request that came through the shop's own CDN, which sets it: from anywhere else it says
// what the client likes it to say.
func ExampleInput_hints() {
	sites := exampleSites()
	r, _ := http.NewRequest(http.MethodGet, "https://shop.example/", nil)
	r.Header.Set("Cf-Ipcountry", "AT")
	r.Header.Set("Accept-Language", "ja, en-GB;q=0.8, de;q=0.5")

	v := sites.Resolve(defaults.Input{
		GeoCountry: r.Header.Get("Cf-Ipcountry"), AcceptLanguage: r.Header.Get("Accept-Language"),
	})
	fmt.Println(v.Country, v.Sources[defaults.FieldCountry])
	fmt.Println(v.Language, v.Sources[defaults.FieldLanguage])
	// Output:
	// AT request.geo
	// en request.acceptLanguage
}
