package sessionctx_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/memstore"
)

// mainAnd returns a default site and others.
func mainAnd(others ...defaults.Site) []defaults.Site {
	return append([]defaults.Site{{Code: "main", Default: true, Currency: "EUR", Country: "DE", Language: "de"}}, others...)
}

func TestSiteMistakes_EveryKindIsListedLoggedAndCounted(t *testing.T) {
	valid := defaults.Site{Code: "b", Currency: "USD", Country: "US", Language: "en"}
	site := func(edit func(*defaults.Site)) []defaults.Site {
		s := valid
		edit(&s)
		return mainAnd(s)
	}
	second := valid
	second.Default = true
	closed := mainAnd()[0]
	closed.Inactive = true
	for _, tc := range []struct {
		desc  string
		sites []defaults.Site
		want  []defaults.SiteError // without the rules
		in    bool                 // the answer comes into force
	}{
		{"withdrawn currency of a list", site(func(s *defaults.Site) { s.Currencies = []string{"USD", "HRK"} }),
			[]defaults.SiteError{{Index: 1, Code: "b", Field: "currencies[1]", Value: "HRK", Reason: defaults.ReasonUnknownCode, Effect: "not offered"}}, true},
		{"country of a list that is a name", site(func(s *defaults.Site) { s.ShipTo = []string{"Kanada"} }),
			[]defaults.SiteError{{Index: 1, Code: "b", Field: "shipTo[0]", Value: "Kanada", Reason: defaults.ReasonMalformed, Effect: "not offered"}}, true},
		{"unknown language of a list", site(func(s *defaults.Site) { s.Languages = []string{"xx"} }),
			[]defaults.SiteError{{Index: 1, Code: "b", Field: "languages[0]", Value: "xx", Reason: defaults.ReasonUnknownCode, Effect: "not offered"}}, true},
		{"own currency, withdrawn", site(func(s *defaults.Site) { s.Currency = "BGN" }),
			[]defaults.SiteError{{Index: 1, Code: "b", Field: "currency", Value: "BGN", Reason: defaults.ReasonUnknownCode, Effect: "the site keeps it all the same"}}, true},
		{"own language, replaced", site(func(s *defaults.Site) { s.Language, s.Languages = "english", []string{"fr"} }),
			[]defaults.SiteError{{Index: 1, Code: "b", Field: "language", Value: "english", Reason: defaults.ReasonMalformed, Effect: `"fr" takes its place`}}, true},
		{"home base, replaced", site(func(s *defaults.Site) { s.Country, s.ShipTo = "YU", []string{"RS"} }),
			[]defaults.SiteError{{Index: 1, Code: "b", Field: "country", Value: "YU", Reason: defaults.ReasonUnknownCode, Effect: `"RS" takes its place`}}, true},
		{"a currency that is none", site(func(s *defaults.Site) { s.Currency = "Dollar" }),
			[]defaults.SiteError{{Index: 1, Code: "b", Field: "currency", Value: "Dollar", Reason: defaults.ReasonMalformed, Effect: "the site is left out"}}, true},
		{"no home base", site(func(s *defaults.Site) { s.Country = "" }),
			[]defaults.SiteError{{Index: 1, Code: "b", Field: "country", Effect: "the site is left out"}}, true},
		{"a code that is none", site(func(s *defaults.Site) { s.Code = "b c" }),
			[]defaults.SiteError{{Index: 1, Code: "b c", Field: "code", Value: "b c", Effect: "the site is left out"}}, true},
		{"a code twice", mainAnd(valid, valid),
			[]defaults.SiteError{{Index: 2, Code: "b", Field: "code", Value: "b", Effect: "this site is not used"}}, true},
		{"a default site that cannot be used", []defaults.Site{{Code: "main", Default: true, Currency: "Euro", Country: "DE", Language: "de"}, valid},
			[]defaults.SiteError{
				{Index: 0, Code: "main", Field: "currency", Value: "Euro", Reason: defaults.ReasonMalformed, Effect: "the site is left out"},
				{Index: 0, Code: "main", Field: "default", Effect: "there is no default site"},
			}, false},
		{"two default sites", mainAnd(second), []defaults.SiteError{{Index: 1, Code: "b", Field: "default", Effect: "there is no default site"}}, false},
		{"an inactive default site", []defaults.Site{closed, valid}, []defaults.SiteError{{Index: 0, Code: "main", Field: "default", Effect: "there is no default site"}}, false},
		{"no default site", []defaults.Site{valid}, []defaults.SiteError{{Index: -1, Field: "default", Effect: "there is no default site"}}, false},
		{"an empty answer", []defaults.Site{}, []defaults.SiteError{{Index: -1, Effect: "there is no default site"}}, false},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var log bytes.Buffer
				d := &desk{Static: demoshop()}
				before := mainAnd()
				before[0].Code, before[0].Name = "shop", "before" // so that nothing has a last valid form
				d.sites.Store(&before)
				r, err := sessionctx.New(sessionctx.Config{Store: &memstore.Store{}, Directory: d, Logger: slog.New(slog.NewJSONHandler(&log, nil))})
				require.NoError(t, err)
				defer r.Close()
				assert.Nil(t, r.SiteMistakes("demoshop"), "nothing is known yet")
				resolve(t, r, by("s1"))
				assert.Empty(t, r.SiteMistakes("demoshop"))

				d.sites.Store(&tc.sites)
				for range 3 { // one refresh after another
					err = r.Refresh(t.Context(), "demoshop", "")
					assert.Equal(t, tc.in, err == nil, "%v", err)
				}
				want := "main"
				if !tc.in {
					want = "shop"
				}
				assert.Equal(t, want, resolve(t, r, by("s1")).Site)
				got := r.SiteMistakes("demoshop")
				require.Len(t, got, len(tc.want))
				for i, m := range got {
					assert.NotEmpty(t, m.Rule)
					expected := tc.want[i]
					expected.Rule = m.Rule
					assert.Equal(t, expected, *m)
				}
				synctest.Wait() // a failed question is logged after its caller has the answer
				assert.EqualValues(t, len(tc.want), r.Stats().SiteMistakes, "counted once")
				assert.Equal(t, len(tc.want), strings.Count(log.String(), "mistake in the data of a site"), "logged once")
				assert.Contains(t, log.String(), `"tenant":"demoshop"`)

				good := mainAnd(valid)
				d.sites.Store(&good)
				require.NoError(t, r.Refresh(t.Context(), "demoshop", ""))
				assert.Empty(t, r.SiteMistakes("demoshop"))
			})
		})
	}
}

func TestSiteMistakes_RefusedAnswerIsForgottenWhenTheOneInForceIsBack(t *testing.T) {
	d := &desk{Static: demoshop()}
	r := newResolver(t, func(c *sessionctx.Config) { c.Directory = d })
	good, none := mainAnd(), []defaults.Site{}
	d.sites.Store(&good)
	resolve(t, r, by("s1"))
	d.sites.Store(&none)
	assert.Error(t, r.Refresh(t.Context(), "demoshop", ""))
	assert.Len(t, r.SiteMistakes("demoshop"), 1)
	d.sites.Store(&good)
	require.NoError(t, r.Refresh(t.Context(), "demoshop", ""))
	assert.Empty(t, r.SiteMistakes("demoshop"))
}

func TestDirectory_SiteKeepsItsLastValidFormForADay(t *testing.T) {
	b := func(currency string) *[]defaults.Site {
		sites := mainAnd(defaults.Site{Code: "b", Currency: currency, Country: "US", Language: "en"})
		return &sites
	}
	for _, tc := range []struct {
		desc    string
		unasked time.Duration // how long nobody asked before the data broke
	}{{"asked until the data broke", 0}, {"answers that said the same count as valid", 30 * time.Hour}} {
		t.Run(tc.desc, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var log bytes.Buffer
				d := &desk{Static: demoshop()}
				d.sites.Store(b("USD"))
				r, err := sessionctx.New(sessionctx.Config{Store: &memstore.Store{}, Directory: d, Logger: slog.New(slog.NewTextHandler(&log, nil))})
				require.NoError(t, err)
				defer r.Close()
				at := func() (site, currency string) {
					for range 2 { // the first asks, the second has the answer
						s := resolve(t, r, sessionctx.Request{Identity: sessionctx.Identity{Tenant: "demoshop"}, Site: "b"})
						site, currency = s.Site, s.Currency
						synctest.Wait()
					}
					return site, currency
				}
				for range int(tc.unasked / time.Hour) {
					at()
					time.Sleep(time.Hour)
				}
				at()

				d.sites.Store(b("Dollar"))
				for i := range 71 { // up to 20 minutes before the day is over
					time.Sleep(20 * time.Minute)
					site, currency := at()
					require.Equal(t, "b USD", site+" "+currency, "after %d times 20 minutes", i+1)
					require.Len(t, r.SiteMistakes("demoshop"), 1)
					require.Equal(t, "the site keeps its last valid form for 24 hours", r.SiteMistakes("demoshop")[0].Effect)
				}
				assert.EqualValues(t, 1, r.Stats().SiteMistakes)
				time.Sleep(21 * time.Minute)
				site, currency := at()
				assert.Equal(t, "main EUR", site+" "+currency, "a day is over")
				assert.Equal(t, "the site is left out", r.SiteMistakes("demoshop")[0].Effect)
				assert.EqualValues(t, 2, r.Stats().SiteMistakes, "that it is left out is news")
				assert.Equal(t, 2, strings.Count(log.String(), "mistake in the data of a site"))

				d.sites.Store(b("GBP"))
				time.Sleep(2 * time.Minute)
				site, currency = at()
				assert.Equal(t, "b GBP", site+" "+currency, "and it is back as soon as it is valid")
			})
		})
	}
}

func TestDirectory_WithoutADefaultSiteLaterAnswersComeIntoForce(t *testing.T) {
	d := &desk{Static: demoshop()}
	var log bytes.Buffer
	r := newResolver(t, func(c *sessionctx.Config) { c.Directory, c.Logger = d, slog.New(slog.NewTextHandler(&log, nil)) })
	at := func() string {
		return resolve(t, r, sessionctx.Request{Identity: sessionctx.Identity{Tenant: "demoshop"}, Site: "b"}).Currency
	}
	for _, currency := range []string{"USD", "GBP"} {
		d.sites.Store(&[]defaults.Site{{Code: "b", Currency: currency, Country: "US", Language: "en"}})
		r.Invalidate("demoshop", "")
		assert.Equal(t, currency, at(), "a site that the request names serves")
		assert.Len(t, r.SiteMistakes("demoshop"), 1)
		assert.ErrorIs(t, resolveError(t, r, by("s1")), sessionctx.ErrUnavailable, "nobody is given another default site")
	}
	require.NoError(t, r.Close())
	assert.Contains(t, log.String(), "no site is the default: only requests that name a site are answered")
	assert.NotContains(t, log.String(), "no session can be resolved")
}

func TestDirectory_AnswerThatServesNothingIsAskedForAgainEverySecond(t *testing.T) {
	good := []defaults.Site{{Code: "b", Default: true, Currency: "USD", Country: "US", Language: "en"}}
	bad := []defaults.Site{{Code: "b", Currency: "USD", Country: "US", Language: "en"}}
	for _, tc := range []struct {
		desc string
		load func(*desk) // makes the Directory give sites that serve nothing
		want error
	}{
		{"no default site", func(d *desk) { d.sites.Store(&bad) }, sessionctx.ErrUnavailable},
		{"a default site that is not valid", func(d *desk) {
			d.sites.Store(&[]defaults.Site{bad[0], {Code: "c", Default: true, Currency: "?", Country: "US", Language: "en"}})
		}, sessionctx.ErrUnavailable},
		{"two default sites", func(d *desk) {
			second := good[0]
			second.Code = "c"
			d.sites.Store(&[]defaults.Site{good[0], second})
		}, sessionctx.ErrUnavailable},
		{"a tenant that was known and is gone", func(d *desk) { d.gone.Store(true) }, sessionctx.ErrUnknownTenant},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := &desk{Static: demoshop()}
				d.sites.Store(&good)
				r := newResolver(t, func(c *sessionctx.Config) { c.Directory, c.DirectoryMaxAge = d, 24*time.Hour })
				if tc.want == sessionctx.ErrUnknownTenant {
					resolve(t, r, by("s1"))
				}
				tc.load(d)
				if tc.want == sessionctx.ErrUnknownTenant {
					require.NoError(t, r.Refresh(t.Context(), "demoshop", ""))
				}
				before := r.Stats().DirectoryLoads
				for range 40 { // four seconds
					require.ErrorIs(t, resolveError(t, r, by("s1")), tc.want)
					time.Sleep(100 * time.Millisecond)
				}
				asked := r.Stats().DirectoryLoads - before
				assert.GreaterOrEqual(t, asked, int64(3))
				assert.LessOrEqual(t, asked, int64(5))
				require.NoError(t, r.Check(t.Context()).Directory, "the Directory answers")

				d.sites.Store(&good)
				d.gone.Store(false)
				time.Sleep(time.Second)
				_, _ = r.Resolve(t.Context(), by("s1")) // asks
				synctest.Wait()
				assert.Equal(t, "USD", resolve(t, r, by("s1")).Currency)
			})
		})
	}
}

func TestDirectory_ErrorSaysNothingOfTheSession(t *testing.T) {
	for _, cause := range []error{
		sessionctx.ErrNotFound, sessionctx.ErrConflict, sessionctx.ErrFull, sessionctx.ErrUnknownOutcome, sessionctx.ErrClosed, sessionctx.ErrUnknownTenant,
	} {
		t.Run(cause.Error(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := &desk{Static: demoshop()}
				d.cause.Store(&cause)
				var log bytes.Buffer
				r := newResolver(t, func(c *sessionctx.Config) { c.Directory, c.Logger = d, slog.New(slog.NewTextHandler(&log, nil)) })
				if cause != sessionctx.ErrUnknownTenant { // by which Sites says that there is no such tenant
					d.fails.Store(true)
					err := resolveError(t, r, by("s1"))
					require.ErrorIs(t, err, sessionctx.ErrUnavailable)
					require.NotErrorIs(t, err, cause)
				}
				d.fails.Store(false)
				require.NoError(t, r.Refresh(t.Context(), "demoshop", ""))

				synctest.Wait() // an error is counted and logged after the answer
				d.fails.Store(true)
				before := r.Stats().DirectoryErrors
				assert.True(t, resolve(t, r, by("s1", "C100")).ProfileMissing)
				err := r.Refresh(t.Context(), "demoshop", "C100")
				require.ErrorIs(t, err, sessionctx.ErrUnavailable)
				require.NotErrorIs(t, err, cause)
				synctest.Wait()
				assert.EqualValues(t, 2, r.Stats().DirectoryErrors-before)
				assert.Contains(t, log.String(), "values are computed without the profile")
			})
		})
	}
}

func TestMinorUnits_AreThoseOfTheTenant(t *testing.T) {
	d := &desk{Static: demoshop()}
	sites := mainAnd(defaults.Site{Code: "b", Currency: "PTS", ExtraCurrencies: map[string]int{"PTS": 3}, Country: "US", Language: "en"})
	d.sites.Store(&sites)
	r := newResolver(t, func(c *sessionctx.Config) { c.Directory = d })
	_, ok := r.MinorUnits("demoshop", "EUR")
	assert.False(t, ok, "nothing is known of the tenant")

	s := update(t, r, by("s1"), sessionctx.Patch{Currency: sessionctx.Set("pts")})
	assert.Equal(t, "PTS", s.Currency, "the site has no list")
	s = resolve(t, r, by("s1"))
	digits, ok := r.MinorUnits(s.Tenant, s.Currency)
	assert.True(t, ok)
	assert.Equal(t, 3, digits)
	_, ok = r.MinorUnits("demoshop", "XYZ")
	assert.False(t, ok)
	_, err := r.Update(t.Context(), by("s1"), sessionctx.Patch{Currency: sessionctx.Set("XYZ")})
	assert.ErrorContains(t, err, `currency "XYZ"`)
}
