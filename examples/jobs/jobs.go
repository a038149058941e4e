package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"

	"github.com/sessionctx/storefront/sessionctx"
)

// confirmation is the job that mails what the shopper has ordered, in the language and at the price
// that the shopper saw. It needs the values of the session and not the session.
type confirmation struct {
	Order   int64               `json:"order"`
	Product string              `json:"product"`
	Amount  int64               `json:"amount"` // in minor units of the session's currency
	Session sessionctx.Snapshot `json:"session"`
}

// Kind implements river.JobArgs.
func (confirmation) Kind() string { return "confirmation" }

// reminder is the job that asks later whether the shopper still wants a product, at the price of
// that day. It needs the session.
type reminder struct {
	Product string              `json:"product"`
	Session sessionctx.Snapshot `json:"session"`
}

// Kind implements river.JobArgs.
func (reminder) Kind() string { return "reminder" }

// orders puts orders and jobs into the database.
type orders struct {
	pool  *pgxpool.Pool
	queue *river.Client[pgx.Tx]
}

// place saves an order, and the job of its mail in the same transaction: either both exist or none.
func (o *orders) place(ctx context.Context, s sessionctx.Session, product string) (order int64, err error) {
	amount, err := priceOf(product, s.Currency)
	if err != nil {
		return 0, err
	}
	err = pgx.BeginFunc(ctx, o.pool, func(tx pgx.Tx) error {
		const insert = "INSERT INTO orders (customer, product, amount, currency) VALUES ($1, $2, $3, $4) RETURNING id"
		if err := tx.QueryRow(ctx, insert, s.CustomerID, product, amount, s.Currency).Scan(&order); err != nil {
			return err
		}
		_, err := o.queue.InsertTx(ctx, tx, confirmation{order, product, amount, valuesOf(s)}, nil)
		return err
	})
	return order, err
}

// remind puts a job into the queue that is due at a later time.
func (o *orders) remind(ctx context.Context, s sessionctx.Session, product string, at time.Time) error {
	_, err := o.queue.Insert(ctx, reminder{product, s.WithAttributes().Snapshot()}, &river.InsertOpts{ScheduledAt: at})
	return err
}

// valuesOf returns a snapshot without identity. Whoever reads the table of jobs, or the pages of
// the queue, can do nothing with it.
func valuesOf(s sessionctx.Session) sessionctx.Snapshot {
	s.ID, s.CustomerID, s.CartID = "", "", ""
	return s.WithAttributes().Snapshot()
}

// mail is what a worker sends. A mail server that gets one ID twice has got the mail once.
type mail struct{ ID, Text string }

// sender sends a mail. A job runs again if it fails, or if the process ends before River knows that
// the job has succeeded.
type sender func(context.Context, mail) error

// confirmationWorker does the jobs of kind confirmation.
type confirmationWorker struct {
	river.WorkerDefaults[confirmation]
	send sender
}

// Work implements river.Worker.
func (w *confirmationWorker) Work(ctx context.Context, job *river.Job[confirmation]) error {
	seen := job.Args.Session.Session()
	text := textsOf(seen.Language).confirmation
	price := format(job.Args.Amount, seen.Currency, seen.Language)
	return w.send(ctx, mail{
		ID:   fmt.Sprintf("order-%d", job.Args.Order),
		Text: fmt.Sprintf(text, job.Args.Order, job.Args.Product, price),
	})
}

// reminderWorker does the jobs of kind reminder.
type reminderWorker struct {
	river.WorkerDefaults[reminder]
	send     sender
	resolver *sessionctx.Resolver
}

// Work implements river.Worker.
func (w *reminderWorker) Work(ctx context.Context, job *river.Job[reminder]) error {
	then := job.Args.Session.Session()
	ask := job.Args.Session.Request()
	ask.Fresh = true // a cache may not know yet that the shopper has logged out
	now, err := w.resolver.Resolve(ctx, ask)
	switch {
	case errors.Is(err, sessionctx.ErrNotFound), err == nil && now.ID != then.ID:
		return river.JobCancel(errors.New("the session has ended: the shopper has logged out, or has not come back"))
	case err != nil:
		return err // sessionctx.ErrUnavailable, say: River tries again
	}
	amount, err := priceOf(job.Args.Product, now.Currency)
	if err != nil {
		return err
	}
	text := textsOf(now.Language).reminder
	price := format(amount, now.Currency, now.Language)
	return w.send(ctx, mail{
		ID:   fmt.Sprintf("reminder-%d", job.ID),
		Text: fmt.Sprintf(text, job.Args.Product, price),
	})
}

// newQueue makes the tables, and returns a River client that does both kinds of jobs once it is
// started.
func newQueue(ctx context.Context, pool *pgxpool.Pool, resolver *sessionctx.Resolver, send sender, logger *slog.Logger) (*river.Client[pgx.Tx], error) {
	driver := riverpgxv5.New(pool)
	migrator, err := rivermigrate.New(driver, &rivermigrate.Config{Logger: logger})
	if err != nil {
		return nil, err
	}
	if _, err := migrator.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return nil, err
	}
	const table = `CREATE TABLE IF NOT EXISTS orders (
		id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, customer text NOT NULL,
		product text NOT NULL, amount bigint NOT NULL, currency text NOT NULL)`
	if _, err := pool.Exec(ctx, table); err != nil {
		return nil, err
	}
	workers := river.NewWorkers()
	river.AddWorker(workers, &confirmationWorker{send: send})
	river.AddWorker(workers, &reminderWorker{send: send, resolver: resolver})
	return river.NewClient(driver, &river.Config{
		Workers: workers, Logger: logger,
		Queues: map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: 10}},
	})
}
