package verify

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/internal/verify/evidence"
	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/store"
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
			var invalid *defaults.Invalid
			if _, err := r.Update(ctx, wavering, drawPatch(t)); err != nil {
				require.ErrorAs(t, err, &invalid)
			}
		}
		_, err := r.Update(ctx, wavering, sessionctx.Patch{
			Site: sessionctx.Clear(), Currency: sessionctx.Clear(), Country: sessionctx.Clear(), Language: sessionctx.Set(""),
		})
		require.NoError(t, err)

		question := sessionctx.Request{
			Site: rapid.SampledFrom([]string{"", "main", "us", "nowhere"}).Draw(t, "request site"),
			Hints: defaults.Hints{
				Country:        rapid.SampledFrom([]string{"", "AT", "US", "XX"}).Draw(t, "geo"),
				AcceptLanguage: rapid.SampledFrom([]string{"", "fr", "es, en;q=0.5", "*"}).Draw(t, "Accept-Language"),
			},
		}
		see := func(req sessionctx.Request) string {
			req.Site, req.Hints = question.Site, question.Hints
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

// drawKey draws from few pieces, so that keys that differ only in where one part ends are frequent.
func drawKey(t *rapid.T, label string) store.Key {
	part := rapid.StringOfN(rapid.RuneFrom([]rune("a\x00\x01\x02/:")), 0, 4, -1)
	return store.Key{
		Tenant: part.Draw(t, label+" tenant"), ID: part.Draw(t, label+" id"),
		Kind: rapid.SampledFrom([]store.Kind{store.KindSession, store.KindCustomer}).Draw(t, label+" kind"),
	}
}

func TestKey_OtherKeysHaveOtherHashes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := drawKey(t, "a"), drawKey(t, "b")
		assert.Equal(t, a == b, a.Hash() == b.Hash(), "%q, %q", a, b)
	})
}

func drawRecord(t *rapid.T, label string) store.Record {
	text := rapid.StringOfN(rapid.RuneFrom([]rune("a\x00\x01\x02")), 0, 3, -1)
	small := rapid.Int64Range(0, 2)
	at := func(what string) time.Time {
		if n := small.Draw(t, label+what); n > 0 {
			return time.UnixMilli(1_700_000_000_000 + n).UTC()
		}
		return time.Time{}
	}
	rec := store.Record{
		Tenant: text.Draw(t, label+"tenant"), Incarnation: 1, Version: 1 + small.Draw(t, label+"version"),
		Ended: rapid.Bool().Draw(t, label+"ended"), Secret: rapid.Bool().Draw(t, label+"secret"),
		CustomerID: text.Draw(t, label+"customer"), Generation: small.Draw(t, label+"generation"),
		Choices: defaults.Choices{
			Site: text.Draw(t, label+"site"), Currency: text.Draw(t, label+"currency"),
			Country: text.Draw(t, label+"country"), Language: text.Draw(t, label+"language"),
		},
		Company: text.Draw(t, label+"company"), RemovedAttributes: small.Draw(t, label+"removed"),
		CreatedAt: at("created"), ModifiedAt: at("modified"), ExpiresAt: at("expires"),
	}
	for i := range rec.Changed {
		rec.Changed[i] = small.Draw(t, label+"changed")
	}
	for i := range rapid.IntRange(0, 2).Draw(t, label+"attributes") {
		rec.Attributes = append(rec.Attributes, store.Attribute{
			Name: fmt.Sprint(i, text.Draw(t, label+"name")), Value: json.RawMessage("v" + text.Draw(t, label+"value")), Changed: small.Draw(t, label+"changed"),
		})
	}
	return rec
}

func TestRecord_OtherRecordsAreEncodedDifferently(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := drawRecord(t, "a ")
		b := a
		if rapid.Bool().Draw(t, "another") {
			b = drawRecord(t, "b ")
		} else { // a neighbour: the same text, cut elsewhere
			b.Choices.Site, b.Choices.Currency = a.Choices.Site+a.Choices.Currency, ""
		}
		encodedA, err := a.AppendBinary(nil)
		require.NoError(t, err)
		encodedB, err := b.AppendBinary(nil)
		require.NoError(t, err)
		assert.Equal(t, assert.ObjectsAreEqual(a, b), string(encodedA) == string(encodedB))
		var back store.Record
		require.NoError(t, back.UnmarshalBinary(encodedA))
		assert.Equal(t, a, back)
	})
}
