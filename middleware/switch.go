package middleware

import (
	"net/http"
	"net/url"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/internal/form"
	"github.com/sessionctx/storefront/middleware/localpath"
	"github.com/sessionctx/storefront/sessionctx"
)

// maxSwitchForm bounds the body of a picker's form, in bytes.
const maxSwitchForm = 16 << 10

// Switch does what the form of a picker asks for, and answers with 303 to the page that the form
// names. It needs no JavaScript. After an error no answer is written, and no choice, except that
// after sessionctx.ErrUnknownOutcome the choice may be written: give the error to Fail, or render a
// page.
//
// The fields of the form (application/x-www-form-urlencoded), each at most once:
//
//   - site, currency, country, language: the choice. Without the field nothing changes; an empty
//     one removes the choice. At least one of them must be there. Where a form has several, one
//     that has the value that the page shows is no choice. A form with one alone always chooses.
//   - return: the page to go back to, a path that [localpath.Parse] accepts. Default "/". The
//     values are judged as on that page: with the site and the language that its URL says.
//   - revision: the text of Session.Revision, of the session from which the page was made. With it
//     a field that somebody has changed in the meantime is sessionctx.ErrConflict and not
//     overwritten. Without it the last write wins.
//
// Where the URL of the page says another site or language than the one that is chosen, the answer
// leads to the URL of the same page that says the chosen one, if Config.Sites has such a URL; query
// and fragment stay. A URL of the same host is preferred. On another host the shopper has another
// cookie: of the choices only the site and the language go there, in the URL.
//
// The errors are those of Update, of Resolver.Resolve and of Config.SiteOf. A form that no picker
// sends is a *sessionctx.InputError, and a value that cannot be chosen a *defaults.Rejection. A
// request that a browser has sent from another origin is ErrCrossSite, as
// http.CrossOriginProtection decides. Call Switch where Update may be called; it may be outside of
// Wrap.
func (m *Middleware) Switch(w http.ResponseWriter, r *http.Request) error {
	if crossOrigin.Check(r) != nil {
		return ErrCrossSite
	}
	sent, err := readSwitch(w, r)
	if err != nil {
		return err
	}
	page := r.WithContext(r.Context())
	page.URL = sent.back
	var says SiteLanguage
	if m.sites != nil {
		if says, err = m.sites.find(page); err != nil {
			return err
		}
	}
	if m.tenant(page) != m.tenant(r) {
		return formError("return", sent.back.Path, "must be a path of the same tenant")
	}
	now, err := m.sessionAt(w.Header(), page, says)
	if err != nil {
		return err
	}
	patch := sent.patch(now)
	to := sent.back.String()
	if m.sites != nil {
		moved, err := m.pageFor(page, &patch, now, says)
		if err != nil {
			return err
		}
		if moved != nil {
			says, to = moved.says, moved.path
			if !moved.here {
				to = moved.url
			}
			if sent.back.RawQuery != "" {
				to += "?" + sent.back.RawQuery
			}
			if sent.back.Fragment != "" {
				to += "#" + sent.back.EscapedFragment()
			}
		}
	}
	if _, err := m.update(w, r, patch, writing{at: &says}); err != nil {
		return err
	}
	w.Header().Set("Cache-Control", noStore)
	w.Header().Set("Location", to)
	w.WriteHeader(http.StatusSeeOther)
	return nil
}

// switchForm is the form of a picker.
type switchForm struct {
	fields   [defaults.NumFields]sessionctx.Change
	touched  int // how many fields there are
	back     *url.URL
	revision *sessionctx.Revision
}

// readSwitch reads the form in the body of a request.
func readSwitch(w http.ResponseWriter, r *http.Request) (sent switchForm, err error) {
	values, refused := form.Read(w, r, maxSwitchForm, "site", "currency", "country", "language", "return", "revision")
	if refused != nil {
		return sent, &sessionctx.InputError{
			Field: refused.Field, Value: refused.Value, Rule: refused.Rule, Limit: refused.Limit,
			Size: refused.Status == http.StatusRequestEntityTooLarge,
		}
	}
	for f := range defaults.Field(defaults.NumFields) {
		if value, ok := values[f.String()]; ok {
			sent.fields[f] = sessionctx.Set(value)
			sent.touched++
		}
	}
	if sent.touched == 0 {
		return sent, &sessionctx.InputError{Rule: "must have one of the fields site, currency, country and language"}
	}
	back, ok := values["return"]
	if !ok {
		back = "/"
	}
	if sent.back, ok = localpath.Parse(back); !ok {
		return sent, formError("return", back, "must be a path of this server")
	}
	if text, ok := values["revision"]; ok {
		sent.revision = new(sessionctx.Revision)
		if err := sent.revision.UnmarshalText([]byte(text)); err != nil {
			return sent, formError("revision", text, "must be the text of a Session.Revision")
		}
	}
	return sent, nil
}

func formError(field, value, rule string) error {
	return &sessionctx.InputError{Field: field, Value: form.Cut(value), Rule: rule}
}

// sessionAt returns the session of a request as a page shows it, if the URL of the page says at. It
// is the session that a write of the same response with header h writes to.
func (m *Middleware) sessionAt(h http.Header, r *http.Request, at SiteLanguage) (sessionctx.Session, error) {
	var req sessionctx.Request
	byCookie, err := m.requestFor(r, h, &req, "")
	if err != nil {
		return sessionctx.Session{}, err
	}
	if byCookie {
		if err := m.bindToCustomer(r.Context(), h, &req); err != nil {
			return sessionctx.Session{}, err
		}
	}
	req.Site, req.Language = at.Site, at.Language
	return m.resolver.Resolve(r.Context(), req)
}

// patch returns the write that the form asks for, over the session that the page shows now.
func (form *switchForm) patch(now sessionctx.Session) (p sessionctx.Patch) {
	shown := [defaults.NumFields]string{now.Site, now.Currency, now.Country, now.Language}
	changes := [defaults.NumFields]*sessionctx.Change{&p.Site, &p.Currency, &p.Country, &p.Language}
	for f, change := range form.fields {
		value, touched := change.Value()
		if touched && (value != shown[f] || form.touched == 1) {
			*changes[f] = change
		}
	}
	switch seen := form.revision; {
	case seen == nil:
	case *seen == sessionctx.Revision{} || seen.Incarnation == now.Revision().Incarnation:
		p.Base = seen
	default:
		// Another record has taken the place of the one that the page was made from, after a logout
		// or an expiry. A revision of the old record conflicts with everything, although the page
		// may show the same values. Only a choice that is there now is news to the shopper.
		p.Require = func(current sessionctx.Session) error {
			for f, change := range changes {
				if _, touched := change.Value(); touched && current.Source(defaults.Field(f)) == defaults.SourceChoice {
					return &sessionctx.ConflictError{Revision: current.Revision()}
				}
			}
			return nil
		}
	}
	return p
}

// pageFor returns the URL of the page for what a patch chooses, and nil where the page may stay
// where it is. page is the request for it, and at is what its URL says.
func (m *Middleware) pageFor(page *http.Request, p *sessionctx.Patch, now sessionctx.Session, at SiteLanguage) (*pageURL, error) {
	site, _ := p.Site.Value()
	language, _ := p.Language.Value()
	movesSite := site != "" && at.Site != "" && site != at.Site
	if !movesSite && (language == "" || at.Language == "") {
		return nil, nil
	}
	all, table, err := m.pageURLs(page)
	if err != nil {
		return nil, err
	}
	want := SiteLanguage{Site: site, Language: language}.or(SiteLanguage{now.Site, now.Language})
	v := table.Resolve(defaults.Input{RequestSite: want.Site, RequestLanguage: want.Language})
	if v.Site != want.Site || language != "" && v.Sources[defaults.FieldLanguage] != defaults.SourceRequestLanguage {
		return nil, nil // no such site, or a language that it does not offer: the write says so
	}
	if language != "" && at.Language != "" && (site == "" || site == at.Site) {
		if here, ok := shownAt(table, at); ok && here.Language == v.Language {
			return nil, nil // another spelling of the language that the URL says
		}
	}
	w := wish{site: v.Site, language: v.Language, anyLanguage: movesSite, ownSite: site != "" || at.Site == ""}
	var best *pageURL
	bestRank := 0
	for i := range all {
		a := &all[i]
		if rank := a.rank(&w); rank > bestRank || rank == bestRank && best != nil && a.compare(best) < 0 {
			best, bestRank = a, rank
		}
	}
	return best, nil
}

// wish is what a shopper wants to see.
type wish struct {
	site, language string
	anyLanguage    bool // where the site moves, a URL in another language is better than none
	ownSite        bool // the site is that of the shopper's session, which shows where a URL says none
}

// rank says how well a URL shows what a shopper wants to see; 0: it shows another site, or another
// language. The shopper's choices show on the present host alone.
func (a *pageURL) rank(w *wish) (rank int) {
	showsSite := a.values.Site == w.site || a.here && a.says.Site == "" && w.ownSite
	showsLanguage := a.values.Language == w.language || a.here && a.says.Language == ""
	if !showsSite || !showsLanguage && !w.anyLanguage {
		return 0
	}
	rank = 1
	if a.here {
		rank += 2 // the shopper's cookie is here
	}
	switch {
	case a.says.Language == "":
		rank += 4
	case a.values.Language == w.language:
		rank += 8
	}
	if a.says.Site != "" {
		rank++
	}
	return rank
}
