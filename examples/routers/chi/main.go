// Chi is the shop on chi.
package main

import (
	"io"
	"log"
	"net/http"

	"github.com/go-chi/chi/v5"

	"github.com/sessionctx/storefront/examples/routers/internal/shop"
	"github.com/sessionctx/storefront/middleware"
)

func main() {
	mw, err := shop.New()
	if err != nil {
		log.Fatal(err)
	}
	log.Println("listening on http://localhost:8080")
	log.Fatal(http.ListenAndServe("localhost:8080", handler(mw)))
}

func handler(mw *middleware.Middleware) http.Handler {
	r := chi.NewRouter()
	r.Use(http.NewCrossOriginProtection().Handler)
	r.Use(mw.Wrap)
	r.Get("/", func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, shop.Line(r.Context()))
	})
	r.Post("/currency", func(w http.ResponseWriter, r *http.Request) {
		if _, err := mw.Update(w, r, shop.Choice(r.PostFormValue("currency"))); err != nil {
			middleware.Fail(w, r, err, nil)
			return
		}
		http.Redirect(w, r, "/", http.StatusSeeOther)
	})
	return r
}
