package localpath_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/sessionctx/storefront/middleware/localpath"
)

// A sign-in that leads back to the page that the visitor came from.
func ExampleParse() {
	signedIn := func(w http.ResponseWriter, r *http.Request) {
		page := "/account"
		if back, ok := localpath.Parse(r.FormValue("return")); ok {
			page = back.String()
		}
		w.Header().Set("Location", page)
		w.WriteHeader(http.StatusSeeOther)
	}
	// The last ones are the attack: a link to the shop that leads on to another server.
	for _, page := range []string{"/shoes?page=2", "", "//evil.example", `/\evil.example`} {
		r := httptest.NewRequest("POST", "/sign-in", nil)
		r.Form = map[string][]string{"return": {page}}
		w := httptest.NewRecorder()
		signedIn(w, r)
		fmt.Println(w.Header().Get("Location"))
	}
	// Output:
	// /shoes?page=2
	// /account
	// /account
	// /account
}
