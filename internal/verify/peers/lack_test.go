package peers

import (
	"fmt"
	"maps"
	"net/http"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/sessionctx/storefront/internal/verify/evidence"
	"github.com/sessionctx/storefront/sessionctx"
)

// keptOf has n requests of one session under way at once, each of which writes a key of its own,
// and returns how many are there afterwards.
func keptOf(t *testing.T, l library, n int) (kept int) {
	t.Helper()
	b := browser{}
	b.do(t, l, func(w http.ResponseWriter, r *http.Request) error { return l.put(w, r, "first", "1") })
	var under, done sync.WaitGroup
	under.Add(n)
	answers := make([]*http.Response, n)
	for i := range n {
		done.Go(func() {
			answers[i] = b.send(l, func(w http.ResponseWriter, r *http.Request) {
				assert.Equal(t, "1", l.get(r, "first"))
				under.Done()
				under.Wait() // now all of them have read the session
				assert.NoError(t, l.put(w, r, fmt.Sprintf("key-%d", i), "1"))
			})
		})
	}
	done.Wait()
	for _, a := range answers {
		b.receive(a)
	}
	b.do(t, l, func(_ http.ResponseWriter, r *http.Request) error {
		for i := range n {
			if l.get(r, fmt.Sprintf("key-%d", i)) == "1" {
				kept++
			}
		}
		return nil
	})
	return kept
}

// customerAfterLogout logs a customer in and out, and returns whose session the cookie from before
// the logout then is. With late there is a request under way that has read the session before the
// logout and writes to it after.
func customerAfterLogout(t *testing.T, l library, late bool) (customerOf string) {
	t.Helper()
	b := browser{}
	b.do(t, l, func(w http.ResponseWriter, r *http.Request) error { return l.put(w, r, "first", "1") })
	b.do(t, l, func(w http.ResponseWriter, r *http.Request) error { return l.login(w, r, "C100") })
	kept := maps.Clone(b)

	var done sync.WaitGroup
	arrived, loggedOut := make(chan struct{}), make(chan struct{})
	if late {
		done.Go(func() {
			kept.send(l, func(w http.ResponseWriter, r *http.Request) {
				assert.Equal(t, "C100", l.customerOf(r))
				close(arrived)
				<-loggedOut
				if err := l.put(w, r, "late", "1"); err != nil {
					assert.ErrorIs(t, err, sessionctx.ErrNotFound)
				}
			})
		})
		<-arrived
	}
	b.do(t, l, l.logout)
	close(loggedOut)
	done.Wait()

	kept.do(t, l, func(_ http.ResponseWriter, r *http.Request) error {
		customerOf = l.customerOf(r)
		return nil
	})
	return customerOf
}

// TestPeers_LackWhatHoldsHere asserts what the others do as well: a table that says that they lack
// something must fail when they no longer do.
func TestPeers_LackWhatHoldsHere(t *testing.T) {
	const writes = 20
	header, rows := []string{""}, [][]string{
		{fmt.Sprintf("%d concurrent writes to %d keys of one session: kept", writes, writes)},
		{"after the logout, the cookie from before it is"},
		{"the same, when a slow request ends after the logout"},
	}
	nobodys, customers := "nobody's", "**the customer's**"
	want := [][]string{{"20", nobodys, nobodys}, {"1", nobodys, customers}, {"1", customers, customers}}
	customerOf := map[string]string{"": nobodys, "C100": customers}
	for i, l := range libraries(t) {
		got := []string{fmt.Sprint(keptOf(t, l, writes)), customerOf[customerAfterLogout(t, l, false)], customerOf[customerAfterLogout(t, l, true)]}
		assert.Equal(t, want[i], got, l.desc)
		header = append(header, l.desc)
		for k, cell := range got {
			rows[k] = append(rows[k], cell)
		}
	}
	evidence.Table(t, "peers-lack", header, rows...)
}
