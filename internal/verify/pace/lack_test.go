package pace

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/internal/verify/evidence"
	"github.com/sessionctx/storefront/sessionctx"
)

// library is one way to have sessions, as a shop uses it. A handler that it wraps may call its
// functions with what it is given.
type library struct {
	desc   string
	wrap   func(http.Handler) http.Handler
	put    func(w http.ResponseWriter, r *http.Request, name, value string) error
	get    func(r *http.Request, name string) string // empty: not there
	login  func(w http.ResponseWriter, r *http.Request, customer string) error
	whose  func(r *http.Request) string // empty: nobody is logged in
	logout func(w http.ResponseWriter, r *http.Request) error
}

const customerValue = "customer" // the name under which the peers keep who is logged in

func ourLibrary(t *testing.T) library {
	r := newResolver(t)
	mw := newMiddleware(t, r)
	return library{
		desc: "this library", wrap: mw.Wrap,
		put: func(w http.ResponseWriter, r *http.Request, name, value string) error {
			raw, err := json.Marshal(value)
			if err == nil {
				_, err = mw.Update(w, r, sessionctx.Patch{Attributes: map[string]json.RawMessage{name: raw}})
			}
			return err
		},
		get: func(r *http.Request, name string) (value string) {
			s, _ := sessionctx.FromContext(r.Context())
			raw, _ := s.Attribute(name)
			_ = json.Unmarshal(raw, &value)
			return value
		},
		login: func(w http.ResponseWriter, r *http.Request, customer string) error {
			_, err := mw.Login(w, r, customer)
			return err
		},
		whose: func(r *http.Request) string {
			s, _ := sessionctx.FromContext(r.Context())
			return s.CustomerID
		},
		logout: func(w http.ResponseWriter, r *http.Request) error {
			_, err := mw.Logout(w, r)
			return err
		},
	}
}

// scsLibrary renews the token at login and destroys the session at logout, as the documentation of
// scs says.
func scsLibrary() library {
	m := newSCS()
	put := func(_ http.ResponseWriter, r *http.Request, name, value string) error {
		m.Put(r.Context(), name, value)
		return nil
	}
	get := func(r *http.Request, name string) string { return m.GetString(r.Context(), name) }
	return library{
		desc: "scs", wrap: m.LoadAndSave, put: put, get: get,
		login: func(w http.ResponseWriter, r *http.Request, customer string) error {
			return errors.Join(m.RenewToken(r.Context()), put(w, r, customerValue, customer))
		},
		whose:  func(r *http.Request) string { return get(r, customerValue) },
		logout: func(_ http.ResponseWriter, r *http.Request) error { return m.Destroy(r.Context()) },
	}
}

// gorillaLibrary deletes the cookie at logout, as the documentation of gorilla/sessions says.
func gorillaLibrary() library {
	store := newGorilla()
	put := func(w http.ResponseWriter, r *http.Request, name, value string) error {
		s, err := store.Get(r, gorillaName)
		if err != nil {
			return err
		}
		s.Values[name] = value
		return s.Save(r, w)
	}
	get := func(r *http.Request, name string) string {
		s, err := store.Get(r, gorillaName)
		if err != nil {
			return ""
		}
		value, _ := s.Values[name].(string)
		return value
	}
	return library{
		desc: "gorilla/sessions", wrap: unwrapped, put: put, get: get,
		login: func(w http.ResponseWriter, r *http.Request, customer string) error {
			return put(w, r, customerValue, customer)
		},
		whose: func(r *http.Request) string { return get(r, customerValue) },
		logout: func(w http.ResponseWriter, r *http.Request) error {
			s, err := store.Get(r, gorillaName)
			if err != nil {
				return err
			}
			s.Options.MaxAge = -1
			return s.Save(r, w)
		},
	}
}

// browser keeps the cookies that answers set. It is used by one goroutine at a time.
type browser map[string]string

// send sends a request with the cookies that b has now, and returns the answer, which b has not
// received yet.
func (b browser) send(l library, handle http.HandlerFunc) *http.Response {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	for name, value := range b {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	w := httptest.NewRecorder()
	l.wrap(handle).ServeHTTP(w, r)
	return w.Result()
}

func (b browser) receive(answer *http.Response) {
	for _, c := range answer.Cookies() {
		if c.MaxAge < 0 || c.Value == "" {
			delete(b, c.Name)
		} else {
			b[c.Name] = c.Value
		}
	}
}

// do sends a request, in which nothing may fail, and receives its answer.
func (b browser) do(t *testing.T, l library, handle func(w http.ResponseWriter, r *http.Request) error) {
	t.Helper()
	b.receive(b.send(l, func(w http.ResponseWriter, r *http.Request) { assert.NoError(t, handle(w, r)) }))
}

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

// whoseAfterLogout logs a customer in and out, and returns whose session the cookie from before the
// logout then is. With late there is a request under way that has read the session before the
// logout and writes to it after.
func whoseAfterLogout(t *testing.T, l library, late bool) (whose string) {
	t.Helper()
	b := browser{}
	b.do(t, l, func(w http.ResponseWriter, r *http.Request) error { return l.put(w, r, "first", "1") })
	b.do(t, l, func(w http.ResponseWriter, r *http.Request) error { return l.login(w, r, "C100") })
	kept := browser{}
	for name, value := range b {
		kept[name] = value
	}

	var done sync.WaitGroup
	arrived, loggedOut := make(chan struct{}), make(chan struct{})
	if late {
		done.Go(func() {
			kept.send(l, func(w http.ResponseWriter, r *http.Request) {
				assert.Equal(t, "C100", l.whose(r))
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
		whose = l.whose(r)
		return nil
	})
	return whose
}

// TestPeers_LackWhatHoldsHere asserts what the others do as well: a table that says that they lack
// something must fail when they no longer do.
func TestPeers_LackWhatHoldsHere(t *testing.T) {
	const writes = 20
	rows := [][]string{
		{fmt.Sprintf("%d concurrent writes to %d keys of one session: kept", writes, writes)},
		{"after the logout, the cookie from before it is"},
		{"the same, when a slow request ends after the logout"},
	}
	header := []string{""}
	for _, tc := range []struct {
		library
		kept              int
		afterLogout, late string
	}{
		{ourLibrary(t), writes, "", ""},
		{scsLibrary(), 1, "", "C100"},
		{gorillaLibrary(), 1, "C100", "C100"},
	} {
		t.Run(strings.ReplaceAll(tc.desc, "/", "-"), func(t *testing.T) {
			kept := keptOf(t, tc.library, writes)
			assert.Equal(t, tc.kept, kept)
			afterLogout := whoseAfterLogout(t, tc.library, false)
			assert.Equal(t, tc.afterLogout, afterLogout)
			late := whoseAfterLogout(t, tc.library, true)
			assert.Equal(t, tc.late, late)

			header = append(header, tc.desc)
			whose := func(customer string) string {
				if customer != "" {
					return "**the customer's**"
				}
				return "nobody's"
			}
			rows[0] = append(rows[0], fmt.Sprint(kept))
			rows[1] = append(rows[1], whose(afterLogout))
			rows[2] = append(rows[2], whose(late))
		})
	}
	require.Len(t, header, 4)
	evidence.Table(t, "peers-lack", header, rows...)
}
