package pace_test

import (
	"fmt"
	"testing"

	"github.com/sessionctx/storefront/internal/verify/pace"
	"github.com/sessionctx/storefront/internal/verify/tables"
	"github.com/sessionctx/storefront/sessionctx"
)

// warmByCookie returns the way of our middleware with the anonymous cookie, and the ids of n sessions in the order of the visits.
func warmByCookie(t testing.TB, n int) (w pace.Way, ids []string) {
	t.Helper()
	r := newResolver(t)
	ids = secretIDs(t, r, n)
	mw := newMiddleware(t, r)
	t.Cleanup(warm(t, r, len(ids), func(i int) sessionctx.Request {
		req := bySecret(ids[i])
		req.Hints.AcceptLanguage = acceptLanguage
		return req
	}))
	return visiting("Wrap", "Cookie", headerLines(cookieName+"=", ids), mw.Wrap, readOurs), ids
}

// TestTheWarmMiddlewareBesideOthers sends requests that change nothing to a page that reads the four values.
func TestTheWarmMiddlewareBesideOthers(t *testing.T) {
	var rows, floor [][]string
	for _, sessions := range amounts(t) {
		ours, ids := warmByCookie(t, sessions)
		ways := append([]pace.Way{ours}, peersOf(t, ids)...)
		for _, n := range goroutines() {
			c := pace.Compare(t, n, ways...)
			what := fmt.Sprintf("%d sessions, %s", sessions, on(n))
			rows = append(rows,
				c.Row(what, 1, pace.AtMost(1).Allocating(3)),
				c.Row(what, 2, pace.TimesFaster(25)),
				c.Row(what, 3, pace.TimesFaster(50)),
			)
			scs, gorilla := c.Between(2, 1), c.Between(3, 1)
			floor = append(floor, []string{
				what, pace.Time(c.Time(1).Median), pace.Figure(scs.Median), scs.Quartiles(), pace.Figure(gorilla.Median), gorilla.Quartiles(),
			})
		}
	}
	tables.Write(t, "pace-middleware", pace.Header, rows...)
	tables.Write(t, "pace-floor", []string{
		"what", "by hand", "scs takes so many times as long", "quartiles", "gorilla/sessions takes so many times as long", "quartiles",
	}, floor...)
}
