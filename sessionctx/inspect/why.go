package inspect

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/defaults/codes"
	"github.com/sessionctx/storefront/sessionctx"
)

// why says why a request resolves as it does.
type why struct {
	// About says whose request it is: "browser", "guest", "session" or "customer".
	About string `json:"about"`
	// Error says why there is no explanation; see the constants.
	Error string `json:"error,omitempty"`
	// Degraded: the store could not be asked, and what follows is what a page shows meanwhile.
	Degraded bool     `json:"degraded"`
	Session  *session `json:"session"`
	Fields   []field  `json:"fields"` // site, country, currency and language
}

// The subjects of a why.
const (
	aboutBrowser  = "browser"
	aboutGuest    = "guest"
	aboutSession  = "session"
	aboutCustomer = "customer"
)

// The errors of a why.
const (
	errNoTenant      = "noTenant"      // no tenant is known yet
	errUnknownTenant = "unknownTenant" // there is no such tenant
	errNotFound      = "notFound"      // there is no such session, or it has ended
	errTwoSubjects   = "twoSubjects"   // both a session and a customer were named
	errRefused       = "refused"       // the host refuses the identity of the browser's request
	errUnavailable   = "unavailable"   // the directory, or the store, could not be asked
)

// session is what is said of a session: nothing that names it.
type session struct {
	Tenant         string `json:"tenant"`
	Shopper        string `json:"shopper"` // "anonymous" or "customer"
	Record         bool   `json:"record"`  // something is stored
	Cart           bool   `json:"cart"`
	ProfileMissing bool   `json:"profileMissing"`
}

// field is one of the four values.
type field struct {
	Field      string      `json:"field"`
	Value      string      `json:"value"`
	Source     string      `json:"source"`
	Candidates []candidate `json:"candidates"` // in the order of precedence
}

// candidate is a place where a value may come from.
type candidate struct {
	Source  string `json:"source"`
	Value   string `json:"value,omitempty"`
	Verdict string `json:"verdict"`          // see the constants
	Reason  string `json:"reason,omitempty"` // of defaults.Reason, for "rejected"
}

// The verdicts on a candidate.
const (
	taken     = "taken"
	rejected  = "rejected"  // it was tried
	none      = "none"      // there is no value
	missing   = "missing"   // the profile could not be had
	ignored   = "ignored"   // a hint while the session has a cart
	notNeeded = "notNeeded" // a candidate before this one was taken
)

// fieldOrder is the order in which the page has the fields: that in which they build on each other.
var fieldOrder = [...]defaults.Field{defaults.FieldSite, defaults.FieldCountry, defaults.FieldCurrency, defaults.FieldLanguage}

// precedence is, by field, the order of the sources: that of defaults.Sites.Resolve. weakChoice is
// the place of a choice that ranks below the profile.
var precedence = [defaults.NumFields][]defaults.Source{
	defaults.FieldSite: {
		defaults.SourceRequestSite, defaults.SourceChoice, defaults.SourcePreferredSite, weakChoice, defaults.SourceDefaultSite,
	},
	defaults.FieldCurrency: {
		defaults.SourceChoice, defaults.SourcePreferredCurrency, weakChoice, defaults.SourceSiteCurrency,
	},
	defaults.FieldCountry: {
		defaults.SourceChoice, defaults.SourceShippingAddress, defaults.SourceBillingAddress, weakChoice, defaults.SourceGeo, defaults.SourceHomeBase,
	},
	defaults.FieldLanguage: {
		defaults.SourceRequestLanguage, defaults.SourceChoice, defaults.SourcePreferredLanguage, weakChoice, defaults.SourceAcceptLanguage, defaults.SourceSiteLanguage,
	},
}

const weakChoice defaults.Source = 0

// question is what a why is asked about.
type question struct {
	about string
	req   sessionctx.Request
	err   string
}

// questionOfBrowser is about the request of the operator's own browser.
func (i *Inspector) questionOfBrowser(r *http.Request) question {
	if i.cfg.Request == nil {
		return i.atFirstTenant(question{about: aboutGuest})
	}
	q := question{about: aboutBrowser}
	var err error
	if q.req, err = i.cfg.Request(r); err != nil {
		q.err = errRefused
		if errors.Is(err, sessionctx.ErrUnknownTenant) {
			q.err = errUnknownTenant
		} else if errors.Is(err, sessionctx.ErrUnavailable) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
			q.err = errUnavailable
		}
		return q
	}
	return i.atFirstTenant(q)
}

// atFirstTenant gives a question without a tenant the first one that is known.
func (i *Inspector) atFirstTenant(q question) question {
	if q.req.Tenant != "" {
		return q
	}
	tenants := i.cfg.Resolver.Tenants()
	if len(tenants) == 0 {
		q.err = errNoTenant
		return q
	}
	q.req.Tenant = tenants[0]
	return q
}

// questionOfForm is about what the form describes.
func (i *Inspector) questionOfForm(f *asked, sessionID, customerID string) question {
	q := question{about: aboutGuest, req: sessionctx.Request{
		Identity: sessionctx.Identity{Tenant: f.Tenant}, Site: f.Site, Language: f.Language,
		GeoCountry: f.Country, AcceptLanguage: f.AcceptLanguage,
	}}
	switch {
	case sessionID != "" && customerID != "":
		q.err = errTwoSubjects
	case sessionID != "":
		q.about, q.req.SessionID, q.req.Proof = aboutSession, sessionID, sessionctx.Management
	case customerID != "":
		q.about, q.req.CustomerID, q.req.Proof = aboutCustomer, customerID, sessionctx.Asserted
	}
	if q.err != "" {
		return q
	}
	return i.atFirstTenant(q)
}

// explain answers a question. It writes nothing.
func (i *Inspector) explain(ctx context.Context, q question) why {
	w := why{About: q.about, Error: q.err, Fields: []field{}}
	if q.err != "" {
		return w
	}
	x, err := i.cfg.Resolver.Preview(ctx, q.req, sessionctx.Patch{})
	if q.req.SessionID != "" && (errors.Is(err, sessionctx.ErrUnavailable) || err != nil && ctx.Err() != nil) {
		// What a page shows meanwhile: the values of a guest.
		guest := q.req
		guest.Identity, guest.GuestID = sessionctx.Identity{Tenant: q.req.Tenant}, ""
		if x, err = i.cfg.Resolver.Preview(context.WithoutCancel(ctx), guest, sessionctx.Patch{}); err == nil {
			w.Degraded = true
		}
	}
	switch {
	case errors.Is(err, sessionctx.ErrUnknownTenant):
		w.Error = errUnknownTenant
	case errors.Is(err, sessionctx.ErrNotFound):
		w.Error = errNotFound
	case err != nil:
		w.Error = errUnavailable
	}
	if err != nil {
		return w
	}
	s := &x.Session
	w.Session = &session{
		Tenant: s.Tenant, Shopper: "anonymous", Record: s.Revision() != sessionctx.Revision{},
		Cart: x.Input.HasCart, ProfileMissing: s.ProfileMissing,
	}
	if s.CustomerID != "" {
		w.Session.Shopper = "customer"
	}
	values := [defaults.NumFields]string{
		defaults.FieldSite: s.Site, defaults.FieldCurrency: s.Currency, defaults.FieldCountry: s.Country, defaults.FieldLanguage: s.Language,
	}
	for _, f := range fieldOrder {
		w.Fields = append(w.Fields, field{f.String(), values[f], s.Source(f).String(), candidatesOf(f, values[f], &x)})
	}
	return w
}

// candidatesOf returns the candidates of a field in the order of precedence.
func candidatesOf(f defaults.Field, value string, x *sessionctx.Explanation) (all []candidate) {
	found := false // the one that was taken
	for _, source := range precedence[f] {
		weak := source == weakChoice
		if weak {
			source = defaults.SourceChoice
		}
		if source == defaults.SourceChoice && weak != x.Input.Weak[f] {
			continue
		}
		tried := false
		for _, r := range x.Rejected {
			if r.Field == f && r.Source == source {
				all = append(all, candidate{source.String(), shown(f, source, r.Value), rejected, r.Reason.String()})
				tried = true
			}
		}
		switch {
		case !found && source == x.Session.Source(f):
			all = append(all, candidate{Source: source.String(), Value: value, Verdict: taken})
			found = true
		case tried:
		case x.Input.HasCart && source == defaults.SourceGeo && x.Input.GeoCountry != "" && !found:
			all = append(all, candidate{Source: source.String(), Value: shown(f, source, x.Input.GeoCountry), Verdict: ignored})
		case !found && x.Session.ProfileMissing && strings.HasPrefix(source.String(), "customer."):
			all = append(all, candidate{Source: source.String(), Verdict: missing})
		case !found:
			all = append(all, candidate{Source: source.String(), Verdict: none})
		default:
			value, has := stated(f, source, &x.Input)
			c := candidate{Source: source.String(), Value: shown(f, source, value), Verdict: notNeeded}
			if !has {
				c.Verdict = none
			}
			all = append(all, c)
		}
	}
	return all
}

// stated reports whether a source has a value, and returns it unless only the site knows it, or
// there can be several.
func stated(f defaults.Field, source defaults.Source, in *defaults.Input) (value string, has bool) {
	customer := in.Customer
	if customer == nil {
		customer = &defaults.Customer{}
	}
	switch source {
	case defaults.SourceRequestSite:
		value = in.RequestSite
	case defaults.SourceRequestLanguage:
		value = in.RequestLanguage
	case defaults.SourceChoice:
		value = [defaults.NumFields]string{
			defaults.FieldSite: in.Choices.Site, defaults.FieldCurrency: in.Choices.Currency,
			defaults.FieldCountry: in.Choices.Country, defaults.FieldLanguage: in.Choices.Language,
		}[f]
	case defaults.SourcePreferredSite:
		value = customer.Site
	case defaults.SourcePreferredCurrency:
		value = customer.Currency
	case defaults.SourcePreferredLanguage:
		value = customer.Language
	case defaults.SourceShippingAddress, defaults.SourceBillingAddress:
		return "", len(customer.Addresses) > 0
	case defaults.SourceGeo:
		value = in.GeoCountry
	case defaults.SourceAcceptLanguage:
		value = in.AcceptLanguage
	default:
		return "", true
	}
	return value, value != ""
}

// redacted stands for a value that may say more than a code does.
const redacted = "[redacted]"

// shown returns a value as it may be shown. What a profile has in the place of a code may be
// anything, a street for example.
func shown(f defaults.Field, source defaults.Source, value string) string {
	value = strings.TrimSpace(value)
	switch {
	case value == "":
		return ""
	case strings.HasPrefix(source.String(), "customer.") && !looksLike(f, value):
		return redacted
	}
	return cut(value)
}

// looksLike reports whether a value of a profile has the form of a code of the field.
func looksLike(f defaults.Field, value string) bool {
	switch f {
	case defaults.FieldSite:
		return len(value) <= 64 && isWord(value)
	case defaults.FieldLanguage:
		_, ok := codes.Language(value)
		return ok
	}
	return len(value) <= 3 && isWord(value)
}

// isWord reports whether s has nothing but ASCII letters, digits, '-', '_' and '.'.
func isWord(s string) bool {
	return !slices.ContainsFunc([]byte(s), func(b byte) bool {
		return (b < 'a' || b > 'z') && (b < 'A' || b > 'Z') && (b < '0' || b > '9') && b != '-' && b != '_' && b != '.'
	})
}
