package tokens_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/sessionctx/storefront/defaults/sitefile"
	"github.com/sessionctx/storefront/examples/storefront/data"
	"github.com/sessionctx/storefront/examples/storefront/tokens"
	"github.com/sessionctx/storefront/middleware"
	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/memstore"
)

// The issuer answers beside the shop, and the shop's middleware believes its tokens.
func Example() {
	files, err := sitefile.FromFS(data.Shops())
	if err != nil {
		panic(err)
	}
	resolver, err := sessionctx.New(sessionctx.Config{Store: &memstore.Store{}, Directory: files})
	if err != nil {
		panic(err)
	}
	defer resolver.Close()
	issuer, err := tokens.New(tokens.Config{Files: files, Resolver: resolver, Key: []byte("use 32 random bytes, not a text!")})
	if err != nil {
		panic(err)
	}
	mw, err := middleware.New(middleware.Config{Resolver: resolver, Tenant: middleware.Tenant("demoshop"), Identify: issuer.Verifier().Identify})
	if err != nil {
		panic(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/customerlogin/", issuer.Handler())
	mux.Handle("/", mw.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s, _ := sessionctx.FromContext(r.Context())
		fmt.Println("site", s.Site, "currency", s.Currency)
	})))

	w := httptest.NewRecorder()
	mux.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/customerlogin/auth/anonymous/login?tenant=demoshop&client_id=storefront&siteCode=ch", nil))
	var visitor struct {
		Token string `json:"access_token"`
	}
	if err := json.Unmarshal(w.Body.Bytes(), &visitor); err != nil {
		panic(err)
	}
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set("Authorization", "Bearer "+visitor.Token)
	mux.ServeHTTP(httptest.NewRecorder(), r)
	// Output: site ch currency CHF
}
