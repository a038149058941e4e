package verify

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/internal/verify/evidence"
	"github.com/sessionctx/storefront/sessionctx"
)

var fields = [...]defaults.Field{defaults.FieldSite, defaults.FieldCurrency, defaults.FieldCountry, defaults.FieldLanguage}

// values shows the values of a session, and why they are what they are.
func values(s sessionctx.Session) string {
	text := fmt.Sprintf("%s %s %s %s %q", s.Site, s.Currency, s.Country, s.Language, s.CustomerID)
	for _, f := range fields {
		text += " " + s.Source(f).String()
	}
	return text
}

// choosing draws the choice of a field among values, or none, or to clear it.
func choosing(t *rapid.T, label string, among ...string) sessionctx.Change {
	switch i := rapid.IntRange(-2, len(among)-1).Draw(t, label); i {
	case -2:
		return sessionctx.Change{}
	case -1:
		return sessionctx.Clear()
	default:
		return sessionctx.Set(among[i])
	}
}

func drawPatch(t *rapid.T) sessionctx.Patch {
	return sessionctx.Patch{
		Site:     choosing(t, "site", "main", "us"),
		Currency: choosing(t, "currency", "EUR", "GBP", "CHF", "USD", "cad"),
		Country:  choosing(t, "country", "DE", "AT", "FR", "US", "CA"),
		Language: choosing(t, "language", "de", "en", "fr", "es", "en_GB"),
	}
}

func TestClear_IsNeverToHaveChosen(t *testing.T) {
	r := evidence.Resolver(t)
	n := 0
	rapid.Check(t, func(t *rapid.T) {
		ctx := context.Background()
		n++
		customer := rapid.SampledFrom([]string{"", "C1", "C2", "C3"}).Draw(t, "customer")
		wavering, never := evidence.Asserted(fmt.Sprint("wavering", n), customer), evidence.Asserted(fmt.Sprint("never", n), customer)
		for range rapid.IntRange(1, 4).Draw(t, "patches") {
			var invalid *defaults.Rejection
			if _, err := r.Update(ctx, wavering, drawPatch(t)); err != nil {
				require.ErrorAs(t, err, &invalid)
			}
		}
		_, err := r.Update(ctx, wavering, sessionctx.Patch{
			Site: sessionctx.Clear(), Currency: sessionctx.Clear(), Country: sessionctx.Clear(), Language: sessionctx.Set(""),
		})
		require.NoError(t, err)

		question := sessionctx.Request{
			Site:           rapid.SampledFrom([]string{"", "main", "us", "nowhere"}).Draw(t, "request site"),
			GeoCountry:     rapid.SampledFrom([]string{"", "AT", "US", "XX"}).Draw(t, "geo"),
			AcceptLanguage: rapid.SampledFrom([]string{"", "fr", "es, en;q=0.5", "*"}).Draw(t, "Accept-Language"),
		}
		see := func(req sessionctx.Request) string {
			req.Site, req.GeoCountry, req.AcceptLanguage = question.Site, question.GeoCountry, question.AcceptLanguage
			resolved, err := r.Resolve(ctx, req)
			require.NoError(t, err)
			explained, err := r.Preview(ctx, req, sessionctx.Patch{})
			require.NoError(t, err)
			require.Equal(t, values(resolved), values(explained.Session))
			return fmt.Sprint(values(resolved), explained.Rejected)
		}
		assert.Equal(t, see(never), see(wavering))
		// And a choice after it counts as a first one does.
		p := drawPatch(t)
		a, errA := r.Update(ctx, wavering, p)
		b, errB := r.Update(ctx, never, p)
		assert.Equal(t, fmt.Sprint(errB), fmt.Sprint(errA))
		assert.Equal(t, values(b), values(a))
	})
}

func TestPreview_IsWhatTheUpdateDoes(t *testing.T) {
	r := evidence.Resolver(t)
	n := 0
	rapid.Check(t, func(t *rapid.T) {
		ctx := context.Background()
		n++
		customer := rapid.SampledFrom([]string{"", "C1", "C2"}).Draw(t, "customer")
		req := evidence.Asserted(fmt.Sprint("previewed", n), customer)
		for range rapid.IntRange(1, 4).Draw(t, "patches") {
			p := drawPatch(t)
			before, err := r.Resolve(ctx, req)
			require.NoError(t, err)
			e, errPreview := r.Preview(ctx, req, p)
			s, errUpdate := r.Update(ctx, req, p)
			assert.Equal(t, fmt.Sprint(errUpdate), fmt.Sprint(errPreview))
			if errUpdate != nil {
				s, err := r.Resolve(ctx, req)
				require.NoError(t, err)
				assert.Equal(t, before, s, "a refused write changes nothing")
				continue
			}
			assert.Equal(t, values(s), values(e.Session))
			if before.Version != 0 { // or else the first version is random
				assert.Equal(t, s.Version, e.Session.Version)
			}
			now, err := r.Resolve(ctx, req)
			require.NoError(t, err)
			assert.Equal(t, s, now)
		}
	})
}
