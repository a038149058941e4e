package middleware_test

import (
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"

	"github.com/sessionctx/storefront/middleware"
	"github.com/sessionctx/storefront/sessionctx"
)

// A shop with a login of its own: a table of sessions and a cookie. Config.Customer tells the
// middleware who is logged in, and nothing else changes in the host's login and logout. On the day
// when the library is added, shoppers who are logged in stay so: their first page shows their
// profile's values, and their first write begins a session.
func ExampleConfig_customer() {
	var logins sync.Map // the host's: session id to customer id
	customer := func(r *http.Request) (string, error) {
		c, err := r.Cookie("shop_login")
		if err != nil {
			return "", nil // nobody
		}
		id, _ := logins.Load(c.Value)
		customerID, _ := id.(string)
		return customerID, nil
	}

	resolver := newResolver()
	defer resolver.Close()
	mw, err := middleware.New(middleware.Config{
		Resolver: resolver, Tenant: middleware.Tenant("demoshop"), Customer: customer,
	})
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /", page)
	mux.HandleFunc("POST /cart", func(w http.ResponseWriter, r *http.Request) {
		s, err := mw.Update(w, r, sessionctx.Patch{CartID: sessionctx.Set("cart-7")})
		if err != nil {
			middleware.Fail(w, r, err, nil)
			return
		}
		fmt.Fprint(w, s.CartID)
	})
	mux.HandleFunc("POST /login", func(w http.ResponseWriter, r *http.Request) {
		// ... the password was right ...
		logins.Store("random-1", "anna")
		http.SetCookie(w, &http.Cookie{Name: "shop_login", Value: "random-1", Path: "/", Secure: true, HttpOnly: true})
	})
	mux.HandleFunc("POST /logout", func(w http.ResponseWriter, r *http.Request) {
		if c, err := r.Cookie("shop_login"); err == nil {
			logins.Delete(c.Value)
		}
		http.SetCookie(w, &http.Cookie{Name: "shop_login", Path: "/", MaxAge: -1})
		if _, err := mw.Logout(w, r); err != nil { // this browser is logged out all the same
			log.Print(err)
		}
	})
	handler := http.NewCrossOriginProtection().Handler(mw.Wrap(mux))

	jar := make(map[string]*http.Cookie)
	visit := func(method, path string) {
		r, w := httptest.NewRequest(method, path, nil), httptest.NewRecorder()
		for _, c := range jar {
			r.AddCookie(c)
		}
		handler.ServeHTTP(w, r)
		for _, c := range w.Result().Cookies() {
			if jar[c.Name] = c; c.MaxAge < 0 {
				delete(jar, c.Name)
			}
		}
		fmt.Println(strings.TrimSpace(fmt.Sprint(w.Code, " ", method, " ", path, " ", w.Body)))
	}
	visit("POST", "/cart") // a guest
	visit("POST", "/login")
	visit("GET", "/") // the guest's session becomes anna's
	fmt.Println(jar["__Host-session-demoshop"] == nil, jar["__Host-session-customer-demoshop"] != nil)
	visit("POST", "/logout")
	visit("GET", "/")
	fmt.Println(len(jar))
	// Output:
	// 200 POST /cart cart-7
	// 200 POST /login
	// 200 GET / anna: main EUR AT en
	// true true
	// 200 POST /logout
	// 200 GET / guest: main EUR DE de
	// 0
}
