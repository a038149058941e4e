// Command jobs is a shop that mails what was ordered, by a job queue: River on PostgreSQL. A job
// carries a sessionctx.Snapshot, so that the mail has the shopper's language and currency.
//
//	go run ./examples/jobs -database postgres://localhost/jobs
//	curl -d product=lamp -H 'Accept-Language: fr' http://127.0.0.1:8080/orders
//
// The mails are lines of the log.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/middleware"
	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/memstore"
)

func main() {
	database := flag.String("database", "", "URL of a PostgreSQL database")
	addr := flag.String("addr", "127.0.0.1:8080", "address to listen on")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	listener, err := net.Listen("tcp", *addr)
	if err == nil {
		err = run(ctx, *database, listener)
	}
	if err != nil {
		log.Fatal(err)
	}
}

// run serves the shop and does its jobs until ctx ends.
func run(ctx context.Context, database string, listener net.Listener) error {
	pool, err := pgxpool.New(ctx, database)
	if err != nil {
		return err
	}
	defer pool.Close()
	resolver, err := sessionctx.New(sessionctx.Config{Store: &memstore.Store{}, Directory: directory})
	if err != nil {
		return err
	}
	defer resolver.Close()
	queue, err := newQueue(ctx, pool, resolver, func(ctx context.Context, m mail) error {
		slog.InfoContext(ctx, "mail", "id", m.ID, "text", m.Text)
		return nil
	}, slog.Default())
	if err != nil {
		return err
	}
	if err := queue.Start(context.WithoutCancel(ctx)); err != nil {
		return err
	}
	handler, err := newHandler(resolver, &orders{pool, queue})
	if err != nil {
		return err
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	answered := make(chan error, 1)
	context.AfterFunc(ctx, func() { answered <- server.Shutdown(context.WithoutCancel(ctx)) })
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	// Requests and jobs that have begun come to their end.
	return errors.Join(<-answered, queue.Stop(context.WithoutCancel(ctx)))
}

// newHandler returns the shop: a form posts an order.
func newHandler(resolver *sessionctx.Resolver, o *orders) (http.Handler, error) {
	mw, err := middleware.New(middleware.Config{
		Resolver: resolver, Tenant: middleware.Tenant("myshop"), AcceptLanguage: true,
	})
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /orders", func(w http.ResponseWriter, r *http.Request) {
		s, _ := sessionctx.FromContext(r.Context())
		order, err := o.place(r.Context(), s, r.FormValue("product"))
		if err != nil {
			slog.ErrorContext(r.Context(), "no order", "error", err)
			http.Error(w, "Your order was not placed.", http.StatusInternalServerError)
			return
		}
		w.WriteHeader(http.StatusCreated)
		fmt.Fprintf(w, "order %d\n", order)
	})
	return http.NewCrossOriginProtection().Handler(mw.Wrap(mux)), nil
}

var directory = sessionctx.Static{"myshop": {Sites: []defaults.Site{{
	Code: "main", Default: true, Country: "DE",
	Currency: "EUR", Currencies: []string{"CHF", "JPY"},
	Language: "de", Languages: []string{"fr", "en"},
}}}}
