package pace

import (
	"fmt"
	"testing"

	"github.com/sessionctx/storefront/internal/verify/evidence"
	"github.com/sessionctx/storefront/sessionctx"
)

// warmByCookie returns the way of our middleware with the anonymous cookie, and the ids of n
// sessions in the order of the visits.
func warmByCookie(t testing.TB, n int) (w Way, ids []string) {
	t.Helper()
	r := newResolver(t)
	ids = secretIDs(t, r, n)
	mw := newMiddleware(t, r)
	t.Cleanup(warm(t, r, len(ids), func(i int) sessionctx.Request {
		req := evidence.BySecret(ids[i])
		req.Hints.AcceptLanguage = acceptLanguage
		return req
	}))
	return visiting("Wrap", "Cookie", headerLines(cookieName+"=", ids), mw.Wrap, readOurs), ids
}

// TestMiddleware_WarmBesideOthers sends requests that change nothing to a page that reads the four
// values.
func TestMiddleware_WarmBesideOthers(t *testing.T) {
	var rows, floor [][]string
	for _, sessions := range amounts(t) {
		ours, ids := warmByCookie(t, sessions)
		ways := append([]Way{ours}, peersOf(t, ids)...)
		for _, n := range goroutines() {
			c := Compare(t, n, ways...)
			what := fmt.Sprintf("%d sessions, %s", sessions, on(n))
			rows = append(rows,
				c.Row(what, 1, Goal{1, 3}),
				c.Row(what, 2, Goal{Ratio: 1.0 / 25}),
				c.Row(what, 3, Goal{Ratio: 1.0 / 50}),
			)
			scs, gorilla := c.Between(2, 1), c.Between(3, 1)
			floor = append(floor, []string{
				what, Time(SpreadOf(c.time[1]).Median), Figure(scs.Median), scs.quartiles(), Figure(gorilla.Median), gorilla.quartiles(),
			})
		}
	}
	evidence.Table(t, "pace-middleware", Header, rows...)
	evidence.Table(t, "pace-floor", []string{
		"what", "by hand", "scs takes so many times as long", "quartiles", "gorilla/sessions takes so many times as long", "quartiles",
	}, floor...)
}
