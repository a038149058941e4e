package main

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/internal/postgresserver"
	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/sessiontest"
	"github.com/sessionctx/storefront/sessionctx/store"
)

// world is a shop with a queue. The shop and the worker are two processes: two resolvers on one
// store, of which none hears of the writes of the other.
type world struct {
	orders
	records      sessiontest.Store
	shop, worker *sessionctx.Resolver
	handler      http.Handler
	sent         chan mail
	failures     chan error // errors of the mail server, in order; none: mails are sent
	events       <-chan *river.Event
}

func TestMain(m *testing.M) { os.Exit(postgresserver.Main(m)) }

type unwatched struct{ store.Store }

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{sent: make(chan mail, 10), failures: make(chan error, 10)}
	for _, r := range []**sessionctx.Resolver{&w.shop, &w.worker} {
		var err error
		*r, err = sessionctx.New(sessionctx.Config{Store: unwatched{&w.records}, MaxStale: 1 << 40, Directory: directory})
		require.NoError(t, err)
		t.Cleanup(func() { assert.NoError(t, (*r).Close()) })
	}
	url := postgresserver.Database(t)
	var err error
	w.pool, err = pgxpool.New(t.Context(), url)
	require.NoError(t, err)
	t.Cleanup(w.pool.Close)
	w.queue, err = newQueue(t.Context(), w.pool, w.worker, func(_ context.Context, m mail) error {
		select {
		case err := <-w.failures:
			return err
		default:
			w.sent <- m
			return nil
		}
	}, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	w.handler, err = newHandler(w.shop, &w.orders)
	require.NoError(t, err)
	var unsubscribe func()
	w.events, unsubscribe = w.queue.Subscribe(river.EventKindJobCompleted, river.EventKindJobFailed, river.EventKindJobCancelled)
	t.Cleanup(unsubscribe)
	return w
}

// start lets the worker begin.
func (w *world) start(t *testing.T) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	require.NoError(t, w.queue.Start(ctx))
	t.Cleanup(func() { assert.NoError(t, w.queue.Stop(ctx)) })
}

// next waits for the end of one try of a job.
func (w *world) next(t *testing.T) *river.Event {
	t.Helper()
	select {
	case e := <-w.events:
		return e
	case <-time.After(time.Minute): // a bound for a test that fails
		t.Fatal("no job has ended")
		return nil
	}
}

func (w *world) count(t *testing.T, table string) (n int) {
	t.Helper()
	require.NoError(t, w.pool.QueryRow(t.Context(), "SELECT count(*) FROM "+table).Scan(&n))
	return n
}

// lastJob returns the number of the job that was inserted last.
func (w *world) lastJob(t *testing.T) (id int64) {
	t.Helper()
	require.NoError(t, w.pool.QueryRow(t.Context(), "SELECT max(id) FROM river_job").Scan(&id))
	return id
}

// choose is what a shopper does in the shop, with the id of the cookie.
func (w *world) choose(t *testing.T, id string, p sessionctx.Patch) sessionctx.Session {
	t.Helper()
	s, err := w.shop.Update(t.Context(), bySecret(id), p)
	require.NoError(t, err)
	return s
}

func bySecret(id string) sessionctx.Request {
	return sessionctx.Request{Identity: sessionctx.Identity{Tenant: "myshop", SessionID: id, Proof: sessionctx.BySecret}}
}

var swiss = sessionctx.Patch{
	Currency: sessionctx.Set("CHF"), Language: sessionctx.Set("fr"), CartID: sessionctx.Set("cart-1"),
	Attributes: map[string]json.RawMessage{"note": json.RawMessage(`{"zero": "\u0000", "one" : 1.0}`)},
}

func TestPlace_OrderAndMailGoTogether(t *testing.T) {
	w := newWorld(t)
	s := w.choose(t, "", swiss)
	order, err := w.place(t.Context(), s, "teapot")
	require.NoError(t, err)

	_, err = w.place(t.Context(), s, "spoon")
	require.ErrorContains(t, err, `product "spoon" has no price in "CHF"`)
	broken := s
	broken.Site = "\xff" // what JSON cannot carry: the job fails after the order was written
	_, err = w.place(t.Context(), broken, "lamp")
	require.ErrorContains(t, err, "not valid UTF-8")
	assert.Equal(t, 1, w.count(t, "orders"))
	assert.Equal(t, 1, w.count(t, "river_job"))

	var args string
	require.NoError(t, w.pool.QueryRow(t.Context(), "SELECT args FROM river_job").Scan(&args))
	assert.NotContains(t, args, s.ID, "a mail needs no identity, and the table shows none")
	assert.NotContains(t, args, "cart-1")

	// Meanwhile the shopper goes on.
	w.choose(t, s.ID, sessionctx.Patch{Currency: sessionctx.Set("JPY"), Language: sessionctx.Set("en")})
	_, err = w.shop.Logout(t.Context(), bySecret(s.ID))
	require.NoError(t, err)

	w.start(t)
	require.Equal(t, river.EventKindJobCompleted, w.next(t).Kind)
	m := <-w.sent
	assert.Equal(t, "order-1", m.ID)
	assert.Equal(t, int64(1), order)
	assert.Equal(t, "Votre commande 1 : teapot à 1\u00a0310,00\u00a0CHF", m.Text, "as the shopper saw it")
}

func TestConfirmation_IsTriedAgainWithTheSameMail(t *testing.T) {
	w := newWorld(t)
	w.failures <- errors.New("the mail server does not answer")
	s := w.choose(t, "", sessionctx.Patch{Currency: sessionctx.Set("JPY")})
	_, err := w.place(t.Context(), s, "lamp")
	require.NoError(t, err)
	w.start(t)
	e := w.next(t)
	require.Equal(t, river.EventKindJobFailed, e.Kind)
	assert.Equal(t, "the mail server does not answer", e.Job.Errors[0].Error)
	e = w.next(t) // River has tried again
	require.Equal(t, river.EventKindJobCompleted, e.Kind)
	assert.Equal(t, 2, e.Job.Attempt)
	assert.Equal(t, mail{"order-1", "Ihre Bestellung 1: lamp für 8.200\u00a0JPY"}, <-w.sent)
	assert.Empty(t, w.sent)
}

func TestReminder_HasThePriceOfTheDay(t *testing.T) {
	w := newWorld(t)
	s := w.choose(t, "", swiss)
	require.NoError(t, w.remind(t.Context(), s, "lamp", time.Now()))
	_, err := w.worker.Resolve(t.Context(), bySecret(s.ID)) // what the worker's cache keeps
	require.NoError(t, err)
	w.choose(t, s.ID, sessionctx.Patch{Currency: sessionctx.Set("EUR")})
	w.start(t)
	require.Equal(t, river.EventKindJobCompleted, w.next(t).Kind)
	assert.Equal(t, "Toujours là : lamp à 49,00\u00a0EUR", (<-w.sent).Text)
}

func TestReminder_NothingForASessionThatHasEnded(t *testing.T) {
	w := newWorld(t)
	anna := sessionctx.Request{Identity: sessionctx.Identity{Tenant: "myshop", SessionID: "s-1", CustomerID: "anna", Proof: sessionctx.Asserted}}
	tests := []struct {
		desc  string
		begin func() sessionctx.Session
		end   func(id string) error
	}{
		{
			"a logout by cookie, which leaves a guest with a new id", func() sessionctx.Session { return w.choose(t, "", swiss) },
			func(id string) error { _, err := w.shop.Logout(t.Context(), bySecret(id)); return err },
		},
		{
			"a login by cookie, after which the guest's id is dead", func() sessionctx.Session { return w.choose(t, "", swiss) },
			func(id string) error { _, err := w.shop.Login(t.Context(), bySecret(id), "anna"); return err },
		},
		{
			"the end of a session that a token names", func() sessionctx.Session {
				s, err := w.shop.Update(t.Context(), anna, swiss)
				require.NoError(t, err)
				return s
			},
			func(string) error { return w.shop.End(t.Context(), anna) },
		},
		{
			"a session that no store knows", func() sessionctx.Session {
				return sessiontest.New(t, sessiontest.Literal{Session: sessionctx.Session{
					Tenant: "myshop", ID: "unknown", Site: "main", Currency: "EUR", Country: "DE", Language: "de", Version: 7,
				}})
			},
			func(string) error { return nil },
		},
	}
	descs := map[int64]string{}
	for _, tt := range tests {
		s := tt.begin()
		_, _ = w.worker.Resolve(t.Context(), s.Snapshot().Request()) // what the worker's cache keeps
		require.NoError(t, tt.end(s.ID), tt.desc)
		require.NoError(t, w.remind(t.Context(), s, "lamp", time.Now()), tt.desc)
		descs[w.lastJob(t)] = tt.desc
	}
	require.Len(t, descs, len(tests))
	w.start(t) // now, because River looks only every five seconds whether a job is due
	for range tests {
		e := w.next(t)
		desc := descs[e.Job.ID]
		delete(descs, e.Job.ID)
		assert.NotEmpty(t, desc, "each job ends once")
		assert.Equal(t, river.EventKindJobCancelled, e.Kind, desc)
		assert.Contains(t, e.Job.Errors[0].Error, "the session has ended", desc)
	}
	assert.Empty(t, w.sent, "no mail")
}

func TestReminder_WaitsForTheStore(t *testing.T) {
	w := newWorld(t)
	s := w.choose(t, "", swiss)
	w.records.Loads.Always(sessiontest.Fail(errors.New("the store does not answer")))
	require.NoError(t, w.remind(t.Context(), s, "lamp", time.Now()))
	w.start(t)
	e := w.next(t)
	require.Equal(t, river.EventKindJobFailed, e.Kind)
	assert.Contains(t, e.Job.Errors[0].Error, "unavailable")
	w.records.Loads.Always(nil)
	for e.Kind == river.EventKindJobFailed { // a try may have begun before
		e = w.next(t)
	}
	assert.Equal(t, river.EventKindJobCompleted, e.Kind)
	assert.Equal(t, "Toujours là : lamp à 52,50\u00a0CHF", (<-w.sent).Text)
}

// newer is a confirmation as a later version of the program writes it.
type newer struct {
	Order   int64           `json:"order"`
	Product string          `json:"product"`
	Amount  int64           `json:"amount"`
	Gift    bool            `json:"gift"`
	Session json.RawMessage `json:"session"`
}

func (newer) Kind() string { return "confirmation" }

func TestConfirmation_OfANewerProgram(t *testing.T) {
	w := newWorld(t)
	text, err := json.Marshal(valuesOf(w.choose(t, "", swiss)))
	require.NoError(t, err)
	var members map[string]any
	require.NoError(t, json.Unmarshal(text, &members))
	insert := func(members map[string]any) {
		text, err := json.Marshal(members)
		require.NoError(t, err)
		_, err = w.queue.Insert(t.Context(), newer{7, "lamp", 5250, true, text}, nil)
		require.NoError(t, err)
	}
	w.start(t)

	members["mood"], members["sources"] = "sunny", map[string]any{"currency": "moonPhase", "tax": "choice"}
	insert(members)
	require.Equal(t, river.EventKindJobCompleted, w.next(t).Kind)
	assert.Equal(t, mail{"order-7", "Votre commande 7 : lamp à 52,50\u00a0CHF"}, <-w.sent)

	members["v"] = 2 // what this program must not ignore
	insert(members)
	e := w.next(t)
	require.Equal(t, river.EventKindJobFailed, e.Kind)
	assert.Contains(t, e.Job.Errors[0].Error, `member "v" is 2: this program reads only version 1`)
	assert.Contains(t, []rivertype.JobState{rivertype.JobStateAvailable, rivertype.JobStateRetryable}, e.Job.State, "the job waits for a worker that can read it")
	assert.Empty(t, w.sent)
}

func TestJob_DatabaseKeepsEveryByteOfTheSession(t *testing.T) {
	w := newWorld(t)
	s := w.choose(t, "", swiss)
	row, err := w.queue.Insert(t.Context(), reminder{"lamp", s.Snapshot()}, nil)
	require.NoError(t, err)
	var text []byte
	require.NoError(t, w.pool.QueryRow(t.Context(), "SELECT args FROM river_job WHERE id = $1", row.Job.ID).Scan(&text))
	var args reminder
	require.NoError(t, json.Unmarshal(text, &args))
	assert.Equal(t, s, args.Session.Session())
	assert.Equal(t, s.ETag(), args.Session.Session().ETag(), "jsonb changes the spelling of a document, but not of an attribute")
	assert.Equal(t, s.Snapshot().Request(), args.Session.Request())
}

func TestHandler_OrderIsConfirmedInTheVisitorsLanguage(t *testing.T) {
	w := newWorld(t)
	w.start(t)
	r := httptest.NewRequest("POST", "/orders", strings.NewReader("product=lamp"))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Accept-Language", "fr-FR")
	answer := httptest.NewRecorder()
	w.handler.ServeHTTP(answer, r)
	assert.Equal(t, http.StatusCreated, answer.Code)
	assert.Equal(t, "order 1\n", answer.Body.String())
	require.Equal(t, river.EventKindJobCompleted, w.next(t).Kind)
	assert.Equal(t, mail{"order-1", "Votre commande 1 : lamp à 49,00\u00a0EUR"}, <-w.sent)

	answer = httptest.NewRecorder()
	w.handler.ServeHTTP(answer, httptest.NewRequest("POST", "/orders", nil))
	assert.Equal(t, http.StatusInternalServerError, answer.Code)
	assert.Equal(t, 1, w.count(t, "orders"))
}

func TestRun_ServesUntilItsContextEnds(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	url := postgresserver.Database(t)
	go func() { ended <- run(ctx, url, listener) }()
	resp, err := http.PostForm("http://"+listener.Addr().String()+"/orders", map[string][]string{"product": {"lamp"}})
	require.NoError(t, err)
	resp.Body.Close()
	assert.Equal(t, http.StatusCreated, resp.StatusCode)
	stop()
	assert.NoError(t, <-ended)

	require.ErrorContains(t, run(t.Context(), "postgres://127.0.0.1:1/none?connect_timeout=5", listener), "failed to connect")
}
