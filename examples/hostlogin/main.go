// Hostlogin is a shop that logs its customers in with scs, and uses the session context beside scs.
// scs knows who is logged in, and the library knows which session that is.
package main

import (
	"cmp"
	"fmt"
	"log"
	"net/http"
	"time"

	"github.com/alexedwards/scs/v2"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/middleware"
	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/memstore"
)

func main() {
	handler, resolver, err := shop()
	if err != nil {
		log.Fatal(err)
	}
	defer resolver.Close()
	log.Println("listening on http://localhost:8080")
	log.Fatal(http.ListenAndServe("localhost:8080", handler))
}

func shop() (http.Handler, *sessionctx.Resolver, error) {
	logins := scs.New()
	logins.Lifetime = 12 * time.Hour
	logins.Cookie.Secure = true

	resolver, err := sessionctx.New(sessionctx.Config{
		Store: &memstore.Store{},
		Directory: sessionctx.Static{"myshop": {
			Sites: []defaults.Site{{
				Code: "main", Default: true, Country: "DE", Currency: "EUR", Currencies: []string{"EUR", "CHF"}, Language: "de",
			}},
			Customers: map[string]defaults.Customer{"anna": {Currency: "CHF"}},
		}},
	})
	if err != nil {
		return nil, nil, err
	}
	mw, err := middleware.New(middleware.Config{
		Resolver: resolver, Tenant: middleware.Tenant("myshop"),
		Customer: func(r *http.Request) (string, error) { return logins.GetString(r.Context(), "customer"), nil },
	})
	if err != nil {
		return nil, nil, err
	}

	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		s, _ := sessionctx.FromContext(r.Context())
		fmt.Fprintf(w, "%s, currency %s, cart %q\n", cmp.Or(s.CustomerID, "guest"), s.Currency, s.CartID)
	})
	mux.HandleFunc("POST /cart", func(w http.ResponseWriter, r *http.Request) {
		if _, err := mw.Update(w, r, sessionctx.Patch{CartID: sessionctx.Set(r.PostFormValue("id"))}); err != nil {
			middleware.Fail(w, r, err, nil)
			return
		}
		http.Redirect(w, r, "/", http.StatusSeeOther)
	})
	mux.HandleFunc("POST /login", func(w http.ResponseWriter, r *http.Request) {
		// A real shop checks a password here.
		if err := logins.RenewToken(r.Context()); err != nil {
			http.Error(w, "login failed", http.StatusInternalServerError)
			return
		}
		logins.Put(r.Context(), "customer", "anna")
		http.Redirect(w, r, "/", http.StatusSeeOther)
	})
	mux.HandleFunc("POST /logout", func(w http.ResponseWriter, r *http.Request) {
		if err := logins.Destroy(r.Context()); err != nil {
			log.Print(err)
		}
		if _, err := mw.Logout(w, r); err != nil { // the cookies are deleted all the same
			log.Print(err)
		}
		http.Redirect(w, r, "/", http.StatusSeeOther)
	})
	// scs is outside: its session must be loaded before Customer is asked.
	return http.NewCrossOriginProtection().Handler(logins.LoadAndSave(mw.Wrap(mux))), resolver, nil
}
