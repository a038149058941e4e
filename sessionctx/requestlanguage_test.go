package sessionctx_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/sessionctx"
)

// on returns req as the server maps it from a URL of that site and language.
func on(req sessionctx.Request, site, language string) sessionctx.Request {
	req.Site, req.Language = site, language
	return req
}

func TestResolve_AnswersTheRequestLanguageThatWasAskedFor(t *testing.T) {
	set := sessionctx.Set
	cases := []struct {
		desc string
		req  sessionctx.Request
		own  string // the language on URLs that say none
	}{
		{"a guest", cookie(""), "de"},
		{"a session without a choice of language", by("currency"), "de"},
		{"a session that has chosen a language", by("language"), "fr"},
		{"a customer with a preferred language", by("customer", "C100"), "en"},
	}
	r := newResolver(t)
	update(t, r, by("currency"), sessionctx.Patch{Currency: set("CHF")})
	update(t, r, by("language"), sessionctx.Patch{Language: set("fr")})
	update(t, r, by("customer", "C100"), sessionctx.Patch{Currency: set("CHF")})
	for _, tc := range cases {
		t.Run(tc.desc, func(t *testing.T) {
			for range 50 { // warm in the end
				for sent, want := range map[string]string{
					"": tc.own, "en": "en", "fr": "fr", "de": "de", "fr-CH": "fr", "EN_us": "en", "ja": tc.own, "no language": tc.own,
				} {
					require.Equal(t, want, resolve(t, r, on(tc.req, "", sent)).Language, "asked for %q", sent)
				}
			}
		})
	}
}

func TestResolve_RequestLanguageIsOfTheRequestSite(t *testing.T) {
	r := newResolver(t)
	cases := []struct {
		desc, site, language, want string
		source                     defaults.Source
	}{
		{"offered there", "ch", "it", "it", defaults.SourceRequestLanguage},
		{"offered on another site alone", "main", "it", "de", defaults.SourceSiteLanguage},
		{"a region of an offered one", "ch", "fr-CA", "fr", defaults.SourceRequestLanguage},
		{"a request site that does not exist", "nope", "fr", "fr", defaults.SourceRequestLanguage},
		{"too long for a tag", "ch", "it-" + strings.Repeat("a", 300), "de", defaults.SourceSiteLanguage},
	}
	for _, tc := range cases {
		t.Run(tc.desc, func(t *testing.T) {
			for _, id := range []string{"", "s1"} {
				s := resolve(t, r, on(cookie(id), tc.site, tc.language))
				assert.Equal(t, tc.want, s.Language)
				assert.Equal(t, tc.source, s.Source(defaults.FieldLanguage))
			}
		})
	}
}

// What a URL says is of the URL: whatever is written there, elsewhere it has decided nothing.
func TestUpdate_ValuesOfTheURLAreNotPersisted(t *testing.T) {
	set := sessionctx.Set
	type write = func(*testing.T, *sessionctx.Resolver, sessionctx.Request) sessionctx.Session
	patch := func(p sessionctx.Patch) write {
		return func(t *testing.T, r *sessionctx.Resolver, req sessionctx.Request) sessionctx.Session {
			return update(t, r, req, p)
		}
	}
	begin := func(t *testing.T, r *sessionctx.Resolver) sessionctx.Request {
		return cookie(update(t, r, cookie(""), sessionctx.Patch{Currency: set("CHF")}).ID)
	}
	nothing := func(*testing.T, *sessionctx.Resolver) sessionctx.Request { return cookie("") }
	cases := []struct {
		desc           string
		before         func(*testing.T, *sessionctx.Resolver) sessionctx.Request
		write          write
		site, language string // elsewhere
	}{
		{"a first choice", nothing, patch(sessionctx.Patch{Currency: set("CHF")}), "main", "de"},
		{"a later choice", begin, patch(sessionctx.Patch{Currency: set("EUR")}), "main", "de"},
		{"a cart", nothing, patch(sessionctx.Patch{CartID: set("cart-1")}), "main", "de"},
		{"an attribute", nothing, patch(sessionctx.Patch{Attributes: attributes("a", "1")}), "main", "de"},
		{"a cleared choice", begin, patch(sessionctx.Patch{Language: sessionctx.Clear()}), "main", "de"},
		{"a choice of the same site and another currency", begin, patch(sessionctx.Patch{Site: set("ch"), Currency: set("CHF")}), "ch", "de"},
		{"a choice of another language", begin, patch(sessionctx.Patch{Language: set("it")}), "main", "de"}, // main has no it
		{"a choice of another language that all sites have", begin, patch(sessionctx.Patch{Language: set("de-CH")}), "main", "de"},
		{"a login", begin, func(t *testing.T, r *sessionctx.Resolver, req sessionctx.Request) sessionctx.Session {
			s, err := r.Login(t.Context(), req, "C100")
			require.NoError(t, err)
			return s
		}, "main", "en"},
		{"a logout", begin, func(t *testing.T, r *sessionctx.Resolver, req sessionctx.Request) sessionctx.Session {
			s, err := r.Logout(t.Context(), req)
			require.NoError(t, err)
			return s
		}, "main", "de"},
	}
	for _, tc := range cases {
		t.Run(tc.desc, func(t *testing.T) {
			r := newResolver(t)
			s := tc.write(t, r, on(tc.before(t, r), "ch", "fr"))
			assert.Equal(t, []string{"ch", "fr"}, []string{s.Site, s.Language}, "under the URL of ch/fr")
			s = resolve(t, r, cookie(s.ID))
			assert.Equal(t, []string{tc.site, tc.language}, []string{s.Site, s.Language}, "elsewhere")
			s = resolve(t, r, on(cookie(s.ID), "ch", "it"))
			assert.Equal(t, []string{"ch", "it"}, []string{s.Site, s.Language}, "under the URL of ch/it")
		})
	}
}

func TestUpdate_LanguageSentUnderARequestLanguageIsStored(t *testing.T) {
	cases := []struct {
		desc, sent, elsewhere string // elsewhere empty: refused
	}{
		{"the language of the URL", "fr", "fr"},
		{"another one that is offered", "en", "en"},
		{"a region of one that is offered", "en-GB", "en"},
		{"one that is not offered", "ja", ""},
		{"no language", "xx-nope", ""},
	}
	for _, tc := range cases {
		t.Run(tc.desc, func(t *testing.T) {
			r := newResolver(t)
			s, err := r.Update(t.Context(), on(by("s1"), "", "fr"), sessionctx.Patch{Language: sessionctx.Set(tc.sent)})
			if tc.elsewhere == "" {
				var invalid *defaults.Rejection
				require.ErrorAs(t, err, &invalid)
				assert.Equal(t, defaults.FieldLanguage, invalid.Field)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, "fr", s.Language)
			assert.Equal(t, defaults.SourceRequestLanguage, s.Source(defaults.FieldLanguage))
			s = resolve(t, r, by("s1"))
			assert.Equal(t, tc.elsewhere, s.Language)
			assert.Equal(t, defaults.SourceChoice, s.Source(defaults.FieldLanguage))
		})
	}
}

func TestSnapshot_RequestIsUnderTheSameURL(t *testing.T) {
	r := newResolver(t)
	for _, tc := range []struct {
		desc           string
		site, language string
		want           string // the request language that the session shows
	}{
		{"neither", "", "", ""},
		{"a language", "", "fr", "fr"},
		{"site and language", "ch", "it-CH", "it"},
		{"a language that is not offered", "", "ja", ""},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			s := resolve(t, r, on(by("s1"), tc.site, tc.language))
			again := s.Snapshot().Request()
			assert.Equal(t, tc.want, again.Language)
			assert.Equal(t, tc.site, again.Site)
			assert.Equal(t, s, resolve(t, r, again))
		})
	}
}
