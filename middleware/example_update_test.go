package middleware_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"

	"github.com/sessionctx/storefront/middleware"
	"github.com/sessionctx/storefront/sessionctx"
)

// A session that was ended on another device is ErrNotFound for a minute: the browser goes on with
// a new one.
func ExampleMiddleware_Update_endedElsewhere() {
	resolver := newResolver()
	defer resolver.Close()
	mw, err := middleware.New(middleware.Config{Resolver: resolver, Tenant: middleware.Tenant("demoshop")})
	if err != nil {
		log.Fatal(err)
	}
	choose := func(w http.ResponseWriter, r *http.Request) {
		choice := sessionctx.Patch{Currency: sessionctx.Set("CHF")}
		s, err := mw.Update(w, r, choice)
		if errors.Is(err, sessionctx.ErrNotFound) {
			if _, err = mw.Logout(w, r); err == nil {
				s, err = mw.Update(w, r, choice)
			}
		}
		fmt.Printf("currency %s, customer %q, error %v\n", s.Currency, s.CustomerID, err)
	}

	browser := httptest.NewRequest("POST", "/currency", nil)
	login := httptest.NewRecorder()
	if _, err := mw.Login(login, browser, "anna"); err != nil {
		log.Fatal(err)
	}
	if err := resolver.EndAll(context.Background(), "demoshop", "anna"); err != nil {
		log.Fatal(err)
	}
	browser = httptest.NewRequest("POST", "/currency", nil)
	browser.AddCookie(login.Result().Cookies()[0])
	choose(httptest.NewRecorder(), browser)
	// Output: currency CHF, customer "", error <nil>
}
