package defaults_test

import (
	"fmt"

	"github.com/sessionctx/storefront/defaults"
)

func ExampleCanonicalLanguage() {
	for _, s := range []string{"en_gb", "iw", "english"} {
		fmt.Println(defaults.CanonicalLanguage(s))
	}
	// Output:
	// en-GB true
	// he true
	//  false
}
