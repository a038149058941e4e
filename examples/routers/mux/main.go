// Mux is the shop on the router of net/http.
package main

import (
	"io"
	"log"
	"net/http"

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
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, shop.Line(r.Context()))
	})
	mux.HandleFunc("POST /currency", func(w http.ResponseWriter, r *http.Request) {
		if _, err := mw.Update(w, r, shop.Choice(r.PostFormValue("currency"))); err != nil {
			middleware.Fail(w, r, err, nil)
			return
		}
		http.Redirect(w, r, "/", http.StatusSeeOther)
	})
	wrapped := mw.Wrap(mux)
	return http.NewCrossOriginProtection().Handler(wrapped)
}
