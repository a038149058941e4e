package tokens_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/bcrypt"

	"github.com/sessionctx/storefront/defaults/sitefile"
	"github.com/sessionctx/storefront/examples/storefront/data"
	"github.com/sessionctx/storefront/examples/storefront/tokens"
	"github.com/sessionctx/storefront/sessionctx/memstore"
)

const home = "192.0.2.1:1234" // what httptest says of its requests

var errWrong = errors.New("wrong")

// quick compares passwords without bcrypt: the sample password is right for everybody.
func quick(_, given []byte) error {
	if string(given) == password {
		return nil
	}
	return errWrong
}

func TestCredentials_OfTheSampleDataAreAccepted(t *testing.T) {
	files, err := sitefile.FromFS(data.Shops())
	require.NoError(t, err)
	s := newShopOf(t, files, &memstore.Store{})
	s.anna(s.visit("").text("access_token"))
	s.ok(s.token("grant_type", "client_credentials", "tenant", "demoshop", "client_id", "backoffice", "client_secret", secret))
}

func TestCredentials_WrongPasswordAndUnknownUserAreAlikeToTheByte(t *testing.T) {
	s := newShop(t)
	wrong, unknown := s.login(annasEmail, "wrong", ""), s.login("nobody@demo.example", "wrong", "")
	assert.Equal(t, http.StatusUnauthorized, wrong.StatusCode)
	assert.Equal(t, wrong.StatusCode, unknown.StatusCode)
	assert.Equal(t, wrong.body, unknown.body)
	assert.Equal(t, wrong.Header, unknown.Header)
}

func TestCredentials_EveryAttemptCostsTheSame(t *testing.T) {
	none := strings.Replace(string(cheapHashes().(fstest.MapFS)["demoshop/customers.json"].Data), `"passwordHash"`, `"formerHash"`, 1)
	fsys := withClients(t, `[{"clientId": "backoffice", "secretHash": %q}, {"clientId": "storefront", "public": true}]`)
	fsys["demoshop/customers.json"] = &fstest.MapFile{Data: []byte(none)}
	files, err := sitefile.FromFS(fsys)
	require.NoError(t, err)
	s := newShopOf(t, files, &memstore.Store{})
	var costs []int
	s.issuer.OnCompare(func(hash, given []byte) error {
		cost, err := bcrypt.Cost(hash)
		require.NoError(t, err)
		costs = append(costs, cost)
		return bcrypt.CompareHashAndPassword(hash, given)
	})
	for _, tc := range []struct {
		desc  string
		login func() answer
		want  int // status
	}{
		{"a right password", func() answer { return s.login("bob@demo.example", password, "") }, 200},
		{"a wrong password", func() answer { return s.login("bob@demo.example", "wrong", "") }, 401},
		{"an unknown user", func() answer { return s.login("nobody@demo.example", password, "") }, 401},
		{"a customer without a password", func() answer { return s.login(annasEmail, password, "") }, 401},
		{"a password longer than bcrypt looks at", func() answer { return s.login("bob@demo.example", strings.Repeat("x", 200), "") }, 401},
		{"a right secret", func() answer {
			return s.token("grant_type", "client_credentials", "tenant", "demoshop", "client_id", "backoffice", "client_secret", secret)
		}, 200},
		{"an unknown client", func() answer {
			return s.token("grant_type", "client_credentials", "tenant", "demoshop", "client_id", "nobody", "client_secret", secret)
		}, 401},
		{"a public client", func() answer {
			return s.token("grant_type", "client_credentials", "tenant", "demoshop", "client_id", "storefront", "client_secret", secret)
		}, 401},
	} {
		costs = nil
		assert.Equal(t, tc.want, tc.login().StatusCode, tc.desc)
		assert.Equal(t, []int{bcrypt.MinCost}, costs, tc.desc)
	}
}

func TestDecoy_LetsNobodyIn(t *testing.T) {
	s := newShop(t)
	s.issuer.OnCompare(func(_, _ []byte) error { return nil })
	assert.Equal(t, http.StatusUnauthorized, s.login("nobody@demo.example", password, "").StatusCode)
	assert.Equal(t, http.StatusUnauthorized, s.token("grant_type", "client_credentials", "tenant", "demoshop", "client_id", "storefront", "client_secret", secret).StatusCode)
}

func TestAuthenticate_SharesItsLimitsWithTheLogin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShop(t)
		s.issuer.OnCompare(quick)
		id, err := s.issuer.Authenticate(t.Context(), "demoshop", "ANNA@demo.example", password, home)
		require.NoError(t, err)
		assert.Equal(t, "C100", id)
		for _, tc := range []struct{ desc, tenant, email, password string }{
			{"a wrong password", "demoshop", annasEmail, "wrong"},
			{"an empty password", "demoshop", annasEmail, ""},
			{"another tenant's customer", "othershop", annasEmail, password},
			{"an unknown tenant", "nobody", annasEmail, password},
		} {
			id, err := s.issuer.Authenticate(t.Context(), tc.tenant, tc.email, tc.password, home)
			require.ErrorIs(t, err, tokens.ErrCredentials, tc.desc)
			assert.Empty(t, id)
		}
		for range 8 {
			_, err := s.issuer.Authenticate(t.Context(), "demoshop", annasEmail, "wrong", home)
			require.ErrorIs(t, err, tokens.ErrCredentials)
		}
		assert.Equal(t, http.StatusTooManyRequests, s.login(annasEmail, "wrong", "").StatusCode)
		_, err = s.issuer.Authenticate(t.Context(), "demoshop", annasEmail, "wrong", home)
		var limited *tokens.LimitedError
		require.ErrorAs(t, err, &limited)
		assert.Positive(t, limited.RetryAfter)
	})
}

func TestLimit_CountsOnlyFailuresOfAnAccount(t *testing.T) {
	for _, email := range []string{annasEmail, "nobody@demo.example"} {
		t.Run(email, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newShop(t)
				s.issuer.OnCompare(quick)
				for range 100 {
					s.anna("")
				}
				for i := range tokens.AccountFailures {
					assert.Equal(t, http.StatusUnauthorized, s.login(email, "wrong", "").StatusCode, i)
					pass(time.Second)
				}
				a := s.login(strings.ToUpper(email)+" ", "wrong", "")
				assert.Equal(t, http.StatusTooManyRequests, a.StatusCode)
				assert.Equal(t, "50", a.Header.Get("Retry-After"))

				s.anna("") // nobody can lock a customer out
				assert.Equal(t, http.StatusUnauthorized, s.login("bob@demo.example", "wrong", "").StatusCode, "somebody else")
				a = s.do(loginRequest("othershop", loginBody(email, "wrong"), ""))
				assert.Equal(t, http.StatusUnauthorized, a.StatusCode, "another tenant's")

				pass(50*time.Second - 1)
				assert.Equal(t, http.StatusTooManyRequests, s.login(email, "wrong", "").StatusCode)
				pass(1)
				assert.Equal(t, http.StatusUnauthorized, s.login(email, "wrong", "").StatusCode)
			})
		})
	}
}

func TestLimit_CountsAnAttemptFromNowhereOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShop(t)
		s.issuer.OnCompare(quick)
		for range tokens.AccountFailures {
			_, err := s.issuer.Authenticate(t.Context(), "demoshop", annasEmail, "wrong", "")
			require.ErrorIs(t, err, tokens.ErrCredentials)
		}
		_, err := s.issuer.Authenticate(t.Context(), "demoshop", annasEmail, "wrong", "")
		require.ErrorAs(t, err, new(*tokens.LimitedError))
	})
}

func TestLimit_StopsComparingPasswords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShop(t)
		var compared int
		s.issuer.OnCompare(func(hash, given []byte) error { compared++; return quick(hash, given) })
		for range 1000 {
			s.login(annasEmail, "guess", "")
		}
		assert.Equal(t, 2*tokens.AccountFailures, compared)
		a := s.login(annasEmail, password, "")
		assert.Equal(t, http.StatusTooManyRequests, a.StatusCode, "a right guess is not told from a wrong one")
		assert.Equal(t, "51", a.Header.Get("Retry-After"))
		id, err := s.issuer.Authenticate(t.Context(), "demoshop", annasEmail, password, "198.51.100.7:1")
		require.NoError(t, err, "Anna at home")
		assert.Equal(t, "C100", id)
		s.ok(s.login("bob@demo.example", password, ""))
		pass(time.Minute)
		s.anna("")
	})
}

func TestLimit_CountsFailuresOfAnAddress(t *testing.T) {
	s := newShop(t)
	var compared int
	s.issuer.OnCompare(func(hash, given []byte) error { compared++; return quick(hash, given) })
	try := func(email, password, remoteAddr string) error {
		_, err := s.issuer.Authenticate(t.Context(), "demoshop", email, password, remoteAddr)
		return err
	}
	limited := new(*tokens.LimitedError)
	for i := range tokens.AddressFailures {
		require.ErrorIs(t, try(fmt.Sprint(i), "wrong", home), tokens.ErrCredentials)
	}
	require.ErrorAs(t, try("another", "wrong", "192.0.2.1:4321"), limited)
	require.NoError(t, try(annasEmail, password, home), "a neighbour who knows the password")
	require.ErrorIs(t, try("another", "wrong", "192.0.2.2:1234"), tokens.ErrCredentials, "another address")
	a := s.token("grant_type", "client_credentials", "tenant", "demoshop", "client_id", "backoffice", "client_secret", "wrong")
	assert.Equal(t, http.StatusTooManyRequests, a.StatusCode, "clients and customers count together")

	for i := range 1000 {
		require.ErrorAs(t, try(fmt.Sprint("more", i), "wrong", home), limited)
	}
	assert.Equal(t, 2*tokens.AddressFailures+2, compared)
	require.ErrorAs(t, try(annasEmail, password, home), limited)
}

func TestLimit_CountsANetworkAsOneAddress(t *testing.T) {
	for _, tc := range []struct {
		desc, one, other string
		same             bool
	}{
		{"ports", "192.0.2.1:1", "192.0.2.1:2", true},
		{"IPv4", "192.0.2.1:1", "192.0.2.2:1", false},
		{"IPv4 within IPv6", "192.0.2.1:1", "[::ffff:192.0.2.1]:1", true},
		{"one IPv6 network", "[2001:db8::1]:1", "[2001:db8::ffff:1:2:3]:1", true},
		{"two IPv6 networks", "[2001:db8::1]:1", "[2001:db8:0:1::1]:1", false},
		{"zones", "[fe80::1%eth0]:1", "[fe80::2%eth1]:1", true},
		{"sockets", "@", "@", true},
		{"nothing", "", "", true},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			s := newShop(t)
			s.issuer.OnCompare(quick)
			var err error
			for i := range tokens.AddressFailures {
				_, err = s.issuer.Authenticate(t.Context(), "demoshop", fmt.Sprint(i), "wrong", tc.one)
				require.ErrorIs(t, err, tokens.ErrCredentials, i)
			}
			_, err = s.issuer.Authenticate(t.Context(), "demoshop", "one more", "wrong", tc.other)
			assert.Equal(t, !tc.same, errors.Is(err, tokens.ErrCredentials), "%v", err)
		})
	}
}

// from returns one of many addresses.
func from(i int) string { return fmt.Sprintf("10.0.%d.%d:1", i>>8&255, i&255) }

func TestAccount_GuessesFromManyAddressesAreSlowed(t *testing.T) {
	for _, tc := range []struct{ desc, email string }{
		{"a customer's account", annasEmail},
		{"a customer's account in other letter case", "ANNA@Demo.example "},
		{"another customer's account", "bob@demo.example"},
		{"an account that is not there", "nobody@demo.example"},
		{"what is no address", "anna"},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newShop(t)
				var compared atomic.Int64
				s.issuer.OnCompare(func(hash, given []byte) error { compared.Add(1); return quick(hash, given) })
				_, err := s.issuer.Authenticate(t.Context(), "demoshop", annasEmail, password, home)
				require.NoError(t, err)
				compared.Store(0)

				const guesses = 2000
				start := time.Now()
				var wg sync.WaitGroup
				for i := range guesses {
					wg.Go(func() {
						_, err := s.issuer.Authenticate(t.Context(), "demoshop", tc.email, "guess", from(i))
						assert.Error(t, err)
					})
				}
				wg.Wait()
				seconds := int64(time.Since(start) / time.Second)
				assert.LessOrEqual(t, seconds, int64(10), "nobody stands in line for longer")
				assert.LessOrEqual(t, compared.Load(), tokens.AccountFailures+int64(runtime.GOMAXPROCS(0))+seconds+1)

				_, err = s.issuer.Authenticate(t.Context(), "demoshop", annasEmail, password, home)
				require.NoError(t, err, "the customer does not stand in line where the password was right before")
				assert.Equal(t, seconds, int64(time.Since(start)/time.Second))
			})
		})
	}
}

func TestAccount_TheLineLetsTheRightPasswordIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShop(t)
		s.issuer.OnCompare(quick)
		try := func(password string, i int) error {
			_, err := s.issuer.Authenticate(t.Context(), "demoshop", annasEmail, password, from(i))
			return err
		}
		for i := range tokens.AccountFailures + 1 {
			assert.Error(t, try("guess", i))
		}
		start := time.Now()
		require.NoError(t, try(password, 100), "from an address that nobody knows")
		assert.Equal(t, time.Second, time.Since(start), "its turn")

		// Who goes away gives no answer, and who would wait too long is told when to come back.
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := s.issuer.Authenticate(ctx, "demoshop", annasEmail, password, from(101))
		require.ErrorIs(t, err, context.Canceled)
		for i := range 20 {
			go try("guess", 200+i)
		}
		synctest.Wait()
		var limited *tokens.LimitedError
		require.ErrorAs(t, try(password, 300), &limited)
		assert.Greater(t, limited.RetryAfter, 10*time.Second)
		assert.Less(t, limited.RetryAfter, 12*time.Second)
		pass(limited.RetryAfter)
		require.NoError(t, try(password, 300))
		require.NoError(t, try(password, 300), "known by now")
	})
}

func TestLimit_CountsFailuresOfAClient(t *testing.T) {
	s := newShop(t)
	s.issuer.OnCompare(func(_, given []byte) error {
		if string(given) == secret {
			return nil
		}
		return errWrong
	})
	try := func(client, secret string) answer {
		return s.token("grant_type", "client_credentials", "tenant", "demoshop", "client_id", client, "client_secret", secret)
	}
	for range tokens.AccountFailures {
		assert.Equal(t, http.StatusUnauthorized, try("backoffice", "wrong").StatusCode)
	}
	a := try("backoffice", "wrong")
	assert.Equal(t, http.StatusTooManyRequests, a.StatusCode)
	assert.Equal(t, "60", a.Header.Get("Retry-After"))
	assert.Equal(t, "invalid_client", a.text("error"))
	s.ok(try("backoffice", secret))
	assert.Equal(t, http.StatusUnauthorized, try("reports", "wrong").StatusCode)
	assert.Equal(t, http.StatusUnauthorized, s.login("backoffice", "wrong", "").StatusCode, "a customer of that name")
}

func TestLimit_CountsAttemptsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShop(t)
		s.issuer.OnCompare(quick)
		var refused, limited atomic.Int64
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() {
				switch a := s.login(annasEmail, "wrong", ""); a.StatusCode {
				case http.StatusUnauthorized:
					refused.Add(1)
				case http.StatusTooManyRequests:
					limited.Add(1)
				}
			})
		}
		wg.Wait()
		assert.EqualValues(t, tokens.AccountFailures, refused.Load())
		assert.EqualValues(t, 100-tokens.AccountFailures, limited.Load())
	})
}

func TestFailures_TakeBoundedMemoryAndTheLatestStay(t *testing.T) {
	s := newShop(t)
	s.issuer.OnCompare(quick)
	try := func(email string, from int) error {
		_, err := s.issuer.Authenticate(t.Context(), "demoshop", email, "wrong", fmt.Sprintf("10.%d.%d.%d:1", from>>16&255, from>>8&255, from&255))
		return err
	}
	n, limit := s.issuer.FailuresKept()
	every := limit / 2 / tokens.AccountFailures
	for i := range every * tokens.AccountFailures { // three subjects each
		require.ErrorIs(t, try(fmt.Sprint(i), i), tokens.ErrCredentials)
		if i%every == 0 {
			require.ErrorIs(t, try(annasEmail, i), tokens.ErrCredentials)
		}
		if n, _ = s.issuer.FailuresKept(); n > limit {
			require.LessOrEqual(t, n, limit)
		}
	}
	assert.Greater(t, n, limit/2, "the two generations")
	require.ErrorAs(t, try(annasEmail, 0), new(*tokens.LimitedError))
}

func TestAuthenticate_WaitsForOthersButNotForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShop(t)
		release := make(chan struct{})
		s.issuer.OnCompare(func(_, _ []byte) error { <-release; return nil })
		for range 1000 { // more than there are processors
			go func() { _, _ = s.issuer.Authenticate(t.Context(), "demoshop", annasEmail, password, home) }()
		}
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := s.issuer.Authenticate(ctx, "demoshop", annasEmail, password, home)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		a := s.login(annasEmail, password, "")
		assert.Equal(t, http.StatusServiceUnavailable, a.StatusCode)
		assert.Equal(t, "5", a.Header.Get("Retry-After"))
		close(release)
		synctest.Wait()
		s.anna("")
	})
}
