package inspect_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/inspect"
	"github.com/sessionctx/storefront/sessionctx/memstore"
)

// The page is mounted where operators reach it, behind the login that the host has for them.
func Example() {
	resolver, err := sessionctx.New(sessionctx.Config{
		Store: &memstore.Store{},
		Directory: sessionctx.Static{"myshop": {Sites: []defaults.Site{
			{Code: "main", Default: true, Currency: "EUR", Country: "DE", Language: "de"},
		}}},
	})
	if err != nil {
		panic(err)
	}
	defer resolver.Close()
	inspector, err := inspect.New(inspect.Config{
		Resolver: resolver,
		Authorize: func(r *http.Request) bool {
			user, password, _ := r.BasicAuth()
			return isOperator(user, password)
		},
	})
	if err != nil {
		panic(err)
	}
	defer inspector.Close()
	mux := http.NewServeMux()
	mux.Handle("/ops/sessions", inspector)

	for _, operator := range []bool{false, true} {
		r := httptest.NewRequest(http.MethodGet, "/ops/sessions", nil)
		if operator {
			r.SetBasicAuth("olga", "correct horse")
		}
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		fmt.Println(w.Code, strings.Contains(w.Body.String(), "Everything answers"))
	}
	// Output:
	// 403 false
	// 200 true
}

func isOperator(user, password string) bool { return user == "olga" && password == "correct horse" }
