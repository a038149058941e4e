package middleware

import (
	"cmp"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/internal/languages"
	"github.com/sessionctx/storefront/sessionctx"
)

// Alternate is the URL under which a page is shown for a site and in a language.
type Alternate struct {
	// URL has no query. It is absolute for a host that a key of Config.Sites names and for one that
	// Config.SiteOf knows, with https, or with http and the port of the request where
	// Config.InsecureCookie is set. For another host it is a path, so that no link leads to a host
	// that a client has written into its Host header.
	URL string
	// Hreflang is the value of the attribute hreflang of a link, BCP 47 or "x-default". Where
	// several sites have a language, the default site gets the language alone, such as de, or the
	// first site if the default site does not have the language. The others get the country of
	// their home base with it, such as de-CH. It is empty for a site whose language and country
	// another site has already.
	Hreflang string
	// Site and Language are what a guest without hints sees under the URL.
	Site, Language string
}

// Alternates returns the URLs of the page that r asks for, for each site and in each language that
// the table of Config.Sites gives a URL of its own: for links with hreflang, and for a picker that
// consists of links. The last one is "x-default": the URL without a language, else that of the
// default site in its own language.
//
// Each URL is one that this Middleware resolves to the Site and the Language: Alternates looks all
// of them up as Wrap does. The list is the same on each of its pages, as search engines ask, if the
// table names the hosts of all of them. What follows host and prefix stays as it is, so the pages
// of all languages must have the same paths; the first page of a prefix is written with a slash at
// its end. No URL is one of a host that Config.SiteOf refuses. The list is empty for a path in
// which the table finds no site or language, for one in which an escaped slash ("%2F") follows the
// prefix, and without Config.Sites and Config.SiteOf.
//
// Below http.StripPrefix the path of r is not the one that Wrap saw: call Alternates outside of it.
// The errors are those of Resolver.Sites. Safe for concurrent use by multiple goroutines.
func (m *Middleware) Alternates(r *http.Request) ([]Alternate, error) {
	all, table, err := m.pageURLs(r)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	slices.SortFunc(all, func(a, b pageURL) int { return a.compare(&b) })
	def := table.Resolve(defaults.Input{}).Site
	bySite := make(map[SiteLanguage]*pageURL, len(all))
	var neutral *pageURL
	for i := range all {
		a := &all[i]
		key := SiteLanguage{a.values.Site, a.values.Language}
		if bySite[key] == nil {
			bySite[key] = a
		}
		if neutral == nil && a.says.Language == "" && a.values.Site == def {
			neutral = a
		}
	}
	var list []Alternate
	codes, _ := table.Offered("", defaults.FieldSite)
	for _, site := range codes {
		for _, language := range languagesOf(bySite, site) {
			a := bySite[SiteLanguage{site, language}]
			list = append(list, Alternate{URL: a.url, Site: site, Language: language})
		}
	}
	nameLanguages(list, table, def)
	if neutral == nil {
		i := slices.IndexFunc(list, func(a Alternate) bool { return a.Site == def })
		if i < 0 {
			return list, nil
		}
		site, _ := table.Site(def)
		if own := bySite[SiteLanguage{def, site.Language}]; own != nil {
			neutral = own
		} else {
			neutral = bySite[SiteLanguage{def, list[i].Language}]
		}
	}
	return append(list, Alternate{
		URL: neutral.url, Hreflang: "x-default", Site: neutral.values.Site, Language: neutral.values.Language,
	}), nil
}

// languagesOf returns the languages in which a site has a URL, sorted.
func languagesOf(bySite map[SiteLanguage]*pageURL, site string) (languages []string) {
	for p := range bySite {
		if p.Site == site {
			languages = append(languages, p.Language)
		}
	}
	slices.Sort(languages)
	return languages
}

// nameLanguages sets Hreflang. Each value is given once.
func nameLanguages(list []Alternate, table *defaults.Sites, def string) {
	used := make(map[string]bool, len(list))
	name := func(a *Alternate, hreflang string) {
		if a.Hreflang == "" && !used[hreflang] {
			a.Hreflang, used[hreflang] = hreflang, true
		}
	}
	for i := range list {
		if list[i].Site == def {
			name(&list[i], list[i].Language)
		}
	}
	for i := range list {
		name(&list[i], list[i].Language)
	}
	for i := range list {
		site, _ := table.Site(list[i].Site)
		if tag := languages.Split(list[i].Language); tag.Region == "" {
			tag.Region = site.Country
			name(&list[i], tag.String())
		}
	}
}

// pageURL is one URL of a page.
type pageURL struct {
	request *http.Request // of the page
	url     string
	path    string // of url
	here    bool   // on the host of the present request
	listed  bool   // url is absolute
	says    SiteLanguage
	values  defaults.Values // what a guest sees there
}

// compare orders the URLs of one site and language: a language that the URL names goes before one
// that nobody named, a listed host before others, a short URL before a long one. The order does not
// depend on the URL of the request.
func (a *pageURL) compare(b *pageURL) int {
	return cmp.Or(
		-compareBool(a.says.Language != "", b.says.Language != ""),
		-compareBool(a.listed, b.listed),
		cmp.Compare(len(a.url), len(b.url)), cmp.Compare(a.url, b.url),
	)
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

// pageURLs returns every URL of the page that r asks for. It tries each prefix of the table on each
// host, and keeps those URLs that the table leads back to the page: with the tenant of r, and
// without a longer prefix that would take over.
func (m *Middleware) pageURLs(r *http.Request) ([]pageURL, *defaults.Sites, error) {
	if m.sites == nil {
		return nil, nil, nil
	}
	tenant := m.tenant(r)
	of := tenant
	if s, ok := sessionctx.FromContext(r.Context()); ok && of == "" {
		of = s.Tenant // an identity has decided it
	}
	table, err := m.resolver.Sites(r.Context(), of)
	if err != nil {
		return nil, nil, err
	}
	here := m.sites.hostOf(r)
	rest, ok := m.sites.rest(here, r.URL)
	if !ok {
		return nil, table, nil
	}
	hosts := []string{here}
	for _, h := range slices.Sorted(maps.Keys(m.sites.hosts)) {
		if h != here {
			hosts = append(hosts, h)
		}
	}
	var all []pageURL
	for _, host := range hosts {
		for _, prefix := range m.sites.prefixes(host) {
			a, ok := m.pageURL(r, host, here, prefix, rest)
			if !ok || m.tenant(a.request) != tenant {
				continue
			}
			if a.values, ok = shownAt(table, a.says); ok {
				all = append(all, a)
			}
		}
	}
	return all, table, nil
}

// shownAt returns what a guest without hints sees where the URL says p, and false if p names a
// language or a site that decides nothing.
func shownAt(table *defaults.Sites, p SiteLanguage) (defaults.Values, bool) {
	v := table.Resolve(defaults.Input{RequestSite: p.Site, RequestLanguage: p.Language})
	if v.Site == "" || p.Site != "" && v.Sources[defaults.FieldSite] != defaults.SourceRequestSite {
		return v, false
	}
	return v, p.Language == "" || v.Sources[defaults.FieldLanguage] == defaults.SourceRequestLanguage
}

// pageURL returns the URL of what follows a prefix on a host, and false if the table does not lead
// that URL back to the same prefix.
func (m *Middleware) pageURL(r *http.Request, host, here, prefix, rest string) (a pageURL, ok bool) {
	escaped := (&url.URL{Path: prefix}).EscapedPath() + rest
	path, err := url.PathUnescape(escaped)
	if err != nil || strings.HasPrefix(escaped, "//") { // which a browser takes for a host
		return a, false
	}
	a.request = r.WithContext(r.Context())
	a.request.URL = &url.URL{Path: path, RawPath: escaped}
	if a.here = host == here; !a.here {
		a.request.Host = host
	}
	if back, ok := m.sites.rest(host, a.request.URL); !ok || back != rest {
		return a, false
	}
	if a.says, err = m.sites.find(a.request); err != nil {
		return a, false
	}
	a.path = a.request.URL.EscapedPath()
	a.url = a.path
	if _, a.listed = m.sites.hosts[host]; !a.listed && host != "" && m.sites.of != nil {
		of, err := m.sites.of(a.request, host)
		a.listed = err == nil && of != SiteLanguage{}
	}
	if a.listed {
		scheme := "https"
		if m.cookie.insecure {
			scheme = "http"
			host += portOf(r.Host)
		}
		a.url = scheme + "://" + host + a.path
	}
	return a, true
}

// portOf returns ":8080" of a Host header, or nothing.
func portOf(header string) string {
	name, ok := cutPort(header)
	if !ok {
		return ""
	}
	return header[len(name):]
}

// hostOf returns the host of a request as the table spells it, and nothing for a header that is no
// host.
func (p *siteMap) hostOf(r *http.Request) string {
	var buf [maxHost]byte
	host, ok := lowerHost(&buf, r.Host)
	if !ok || !isHost(string(host)) {
		return ""
	}
	return string(host)
}

// prefixes returns the path prefixes that are of use on a host, the empty one first.
func (p *siteMap) prefixes(host string) []string {
	all := []string{""}
	hp := p.hosts[host]
	for _, below := range [...][]pathSite{hp.below, p.anyHost.below} {
		for i := range below {
			if !slices.Contains(all, below[i].prefix) {
				all = append(all, below[i].prefix)
			}
		}
	}
	return all
}

// rest returns what follows the longest prefix in a URL's path, escaped as the client sent it. If
// nothing follows, rest returns a slash. ok is false if an escaped slash follows: "%2F" does not
// begin a path, and would become a part of the host in front of it.
func (p *siteMap) rest(host string, u *url.URL) (rest string, ok bool) {
	prefix := ""
	for _, candidate := range p.prefixes(host) {
		if len(candidate) > len(prefix) && isBelow(u.Path, candidate) {
			prefix = candidate
		}
	}
	if !strings.HasPrefix(u.Path, "/") {
		return "", false
	}
	rest = cmp.Or(cutDecoded(u.EscapedPath(), len(prefix)), "/")
	return rest, rest[0] == '/'
}

// cutDecoded returns an escaped path without the part at its front that stands for n decoded bytes.
func cutDecoded(escaped string, n int) string {
	for ; n > 0 && escaped != ""; n-- {
		if escaped[0] == '%' && len(escaped) > 2 {
			escaped = escaped[2:]
		}
		escaped = escaped[1:]
	}
	return escaped
}
