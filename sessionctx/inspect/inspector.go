package inspect

import (
	"bytes"
	"embed"
	"encoding/json"
	"html/template"
	"net/http"
	"path"
	"strings"

	"github.com/sessionctx/storefront/internal/form"
)

// Inspector is the page. It is an http.Handler, and safe for concurrent use by multiple goroutines.
type Inspector struct {
	cfg     Config
	sampler *sampler
	origins *http.CrossOriginProtection
}

// New returns an Inspector that has begun to sample. The error joins every mistake in cfg, each a
// *sessionctx.ConfigError. Close the Inspector after use.
func New(cfg Config) (*Inspector, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	return &Inspector{cfg: cfg, sampler: newSampler(cfg.Resolver), origins: http.NewCrossOriginProtection()}, nil
}

// Close ends the sampling, and returns once it has ended. The page goes on to show what there is.
// Close may be called more than once, before and after the Close of the Resolver.
func (i *Inspector) Close() { i.sampler.close() }

//go:embed assets
var assets embed.FS

var page = template.Must(template.New("page.html").ParseFS(assets, "assets/page.html"))

// assetTypes has the assets that are served, by name.
var assetTypes = map[string]string{
	"inspect.css": "text/css; charset=utf-8", "inspect.js": "text/javascript; charset=utf-8", "icon.svg": "image/svg+xml",
}

const maxForm = 16 << 10 // bytes

// policy lets the page load its own assets and send its own form.
const policy = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; " +
	"base-uri 'none'; frame-ancestors 'none'"

// ServeHTTP implements http.Handler. See the package for what it answers.
func (i *Inspector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Cache-Control", "private, no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin") // with less browsers send "Origin: null" with the form
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Content-Security-Policy", policy)
	if !i.cfg.Authorize(r) {
		http.Error(w, "not authorized", http.StatusForbidden)
		return
	}
	query := r.URL.Query()
	if name := query.Get("asset"); name != "" {
		serveAsset(w, r, name)
		return
	}
	asJSON, ok := wantsJSON(query.Get("format"), r.Header.Values("Accept"))
	if !ok {
		http.Error(w, "format must be json or html", http.StatusBadRequest)
		return
	}
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		q := i.questionOfBrowser(r)
		i.answer(w, r, asJSON, askedIn(&q), q)
	case http.MethodPost:
		i.post(w, r, asJSON)
	default:
		h.Set("Allow", "GET, HEAD, POST")
		http.Error(w, "the method must be GET, HEAD or POST", http.StatusMethodNotAllowed)
	}
}

// post answers the form.
func (i *Inspector) post(w http.ResponseWriter, r *http.Request, asJSON bool) {
	if err := i.origins.Check(r); err != nil {
		http.Error(w, "the form is another site's", http.StatusForbidden)
		return
	}
	values, refused := form.Read(w, r, maxForm, "tenant", "site", "language", "country", "acceptLanguage", "sessionId", "customerId")
	if refused != nil {
		if refused.Field == form.ContentEncoding {
			w.Header().Set("Accept-Encoding", "identity") // RFC 9110, section 12.5.3
		}
		http.Error(w, refused.String(), refused.Status)
		return
	}
	value := func(name string) string { return strings.TrimSpace(values[name]) }
	f := asked{value("tenant"), value("site"), value("language"), value("country"), value("acceptLanguage")}
	i.answer(w, r, asJSON, f, i.questionOfForm(&f, value("sessionId"), value("customerId")))
}

// asked is what the form of the page has in it, ids excepted.
type asked struct{ Tenant, Site, Language, Country, AcceptLanguage string }

// askedIn fills the form with the question that was asked.
func askedIn(q *question) asked {
	return asked{q.req.Tenant, q.req.Site, q.req.Language, q.req.GeoCountry, q.req.AcceptLanguage}
}

// answer explains the question and shows everything.
func (i *Inspector) answer(w http.ResponseWriter, r *http.Request, asJSON bool, f asked, q question) {
	report := i.report(r.Context(), &q)
	var body bytes.Buffer
	var err error
	if asJSON {
		w.Header().Set("Content-Type", "application/json")
		err = json.NewEncoder(&body).Encode(report)
	} else {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		err = page.Execute(&body, viewOf(&report, f, i.cfg.Resolver.Tenants()))
	}
	if err != nil { // cannot happen: the tests make every kind of report
		http.Error(w, "the page cannot be made", http.StatusInternalServerError)
		return
	}
	w.Write(body.Bytes())
}

// wantsJSON reports whether the answer is JSON. ok is false for an unknown format.
func wantsJSON(format string, accept []string) (asJSON, ok bool) {
	switch format {
	case "json":
		return true, true
	case "html":
		return false, true
	case "":
		all := strings.ToLower(strings.Join(accept, ","))
		return strings.Contains(all, "application/json") && !strings.Contains(all, "text/html"), true
	}
	return false, false
}

func serveAsset(w http.ResponseWriter, r *http.Request, name string) {
	kind, ok := assetTypes[name]
	if !ok {
		http.Error(w, "there is no such asset", http.StatusNotFound)
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "the method must be GET or HEAD", http.StatusMethodNotAllowed)
		return
	}
	content, err := assets.ReadFile(path.Join("assets", name))
	if err != nil {
		http.Error(w, "there is no such asset", http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", kind)
	w.Write(content)
}

var _ http.Handler = (*Inspector)(nil)
