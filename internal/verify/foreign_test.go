package verify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/internal/verify/evidence"
	"github.com/sessionctx/storefront/sessionctx"
)

const (
	perTenant = 300 // sessions; a third of them customers'
	workers   = 8
)

// Each tenant has a currency of its own, and each customer a language.
var (
	currencies = [...]string{"EUR", "SEK", "NOK", "PLN"}
	languages  = [...]string{"fr", "it", "es", "pt", "nl", "da", "fi", "cs", "hu", "ro"}
)

// shopper is one session, and what nobody else has.
type shopper struct {
	tenant, customer, mark string
	request                sessionctx.Request
	currency, language     string
}

func (s *shopper) check(got sessionctx.Session) error {
	var wrong []string
	expect := func(what, want, got string) {
		if want != got {
			wrong = append(wrong, fmt.Sprintf("%s %q instead of %q", what, got, want))
		}
	}
	expect("tenant", s.tenant, got.Tenant)
	expect("id", s.request.SessionID, got.ID)
	expect("customer", s.customer, got.CustomerID)
	expect("currency", s.currency, got.Currency)
	expect("language", s.language, got.Language)
	mark, _, _ := strings.Cut(got.CartID, "#")
	expect("cart", s.mark, mark)
	for _, value := range got.Attributes() {
		mark, _, _ := strings.Cut(strings.Trim(string(value), `"`), "#")
		expect("attribute", s.mark, mark)
	}
	if len(wrong) > 0 {
		return errors.New(strings.Join(wrong, ", "))
	}
	return nil
}

func write(ctx context.Context, r *sessionctx.Resolver, req sessionctx.Request, mark string, n int64) (sessionctx.Session, error) {
	return r.Update(ctx, req, sessionctx.Patch{
		CartID:     sessionctx.Set(fmt.Sprintf("%s#%d", mark, n)),
		Attributes: map[string]json.RawMessage{"mark": json.RawMessage(fmt.Sprintf(`"%s#%d"`, mark, n))},
	})
}

// TestForeign_NoAnswerIsAnotherShoppers reads READS times, by token, cookie and as an operator, and
// writes now and then. Package mutants runs it on a product whose hashes are made to collide.
func TestForeign_NoAnswerIsAnotherShoppers(t *testing.T) {
	reads := int64(evidence.Number(t, "READS", 50_000))
	directory := make(sessionctx.Static)
	var shoppers []*shopper
	for i, currency := range currencies {
		tenant := fmt.Sprintf("shop%d", i)
		customers := make(map[string]defaults.Customer)
		for j := range perTenant {
			s := &shopper{tenant: tenant, mark: fmt.Sprintf("%s-%d", tenant, j), currency: currency, language: "en"}
			// Tenants have the same ids: what tells them apart is the tenant.
			s.request = sessionctx.Request{Identity: sessionctx.Identity{Tenant: tenant, SessionID: fmt.Sprintf("session-%d", j), Proof: sessionctx.Asserted}}
			switch j % 3 {
			case 0:
				s.customer = fmt.Sprintf("session-%d", j) // a customer may be called like a session
				s.language = languages[(i+j/3)%len(languages)]
				s.request.CustomerID = s.customer
				customers[s.customer] = defaults.Customer{Language: s.language}
			case 1:
				s.request.Proof, s.request.SessionID = sessionctx.BySecret, ""
			}
			shoppers = append(shoppers, s)
		}
		directory[tenant] = sessionctx.StaticTenant{
			Sites:     []defaults.Site{{Code: "main", Default: true, Currency: currency, Country: "DE", Language: "en"}},
			Customers: customers,
		}
	}
	r := evidence.Resolver(t, func(c *sessionctx.Config) { c.Directory = directory })
	for _, s := range shoppers {
		got, err := write(t.Context(), r, s.request, s.mark, 0)
		require.NoError(t, err)
		s.request.SessionID = got.ID
		require.NoError(t, s.check(got))
	}

	var done, writes, foreign atomic.Int64
	var wg sync.WaitGroup
	for worker := range workers {
		rng := rand.New(rand.NewPCG(uint64(worker), 1))
		wg.Go(func() {
			for foreign.Load() == 0 && done.Add(1) <= reads {
				// Many look at few, so that a good part of the answers comes from the cache.
				s := shoppers[rng.IntN(len(shoppers))]
				if rng.IntN(2) == 0 {
					s = shoppers[worker%4*perTenant+rng.IntN(4)]
				}
				got, err := s.act(t.Context(), r, rng.IntN(50), &writes)
				if err == nil {
					err = s.check(got)
				}
				if err != nil {
					foreign.Add(1)
					t.Errorf("foreign answer to %s: %v", s.mark, err)
				}
			}
		})
	}
	wg.Wait()
	stats := r.Stats()
	fmt.Printf("%d reads, %d writes, about %d%% of the reads from the cache: %d foreign answers\n",
		min(done.Load(), reads), writes.Load(), 100*stats.Hits/max(stats.Resolves, 1), foreign.Load())
}

// act reads the session in one of the ways, or writes it first.
func (s *shopper) act(ctx context.Context, r *sessionctx.Resolver, dice int, writes *atomic.Int64) (sessionctx.Session, error) {
	switch dice {
	case 0:
		return write(ctx, r, s.request, s.mark, writes.Add(1))
	case 1:
		e, err := r.Preview(ctx, s.request, sessionctx.Patch{})
		return e.Session, err
	case 2:
		req := s.request
		req.Proof, req.CustomerID = sessionctx.Management, ""
		return r.Resolve(ctx, req)
	case 3:
		r.Invalidate(s.tenant, s.customer)
	case 4: // a neighbour's id in the wrong proof is nobody's
		req := s.request
		req.Proof, req.CustomerID = sessionctx.BySecret, ""
		if s.request.Proof == sessionctx.BySecret {
			req.Proof = sessionctx.Asserted
		}
		if got, err := r.Resolve(ctx, req); err == nil && (got.ID != "" || got.CartID != "" || got.CustomerID != "") {
			return got, errors.New("shown to another proof")
		}
	}
	return r.Resolve(ctx, s.request)
}
