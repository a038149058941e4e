package sitefile

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/sessionctx/storefront/defaults"
)

// tenant is what one folder says: immutable.
type tenant struct {
	sites     []defaults.Site
	aged      []*Mistake // codes of the sites that are not current
	customers map[string]defaults.Customer
	accounts  map[string]Account // by customer id
	emails    map[string]string  // folded e-mail address to customer id
	clients   map[string]Client
}

// decode reads the files of a tenant, or says everything that is wrong with them.
func decode(c contents) (*tenant, []*Mistake) {
	t := &tenant{}
	mistakes := c.unreadable()
	for i, read := range [...]func(*table){t.readSites, t.readCustomers, t.readClients} {
		if c.files[i].missing || c.files[i].err != nil {
			continue
		}
		table := newTable(path.Join(c.folder, fileNames[i]), idNames[i], c.files[i].data, i == sitesFile)
		read(table)
		wrong, aged := table.finish()
		mistakes, t.aged = append(mistakes, wrong...), append(t.aged, aged...)
	}
	if len(mistakes) > 0 {
		return nil, mistakes
	}
	return t, nil
}

func (t *tenant) readSites(table *table) {
	for _, r := range table.records() {
		t.sites = append(t.sites, defaults.Site{
			Code:            r.member("code").str(),
			Name:            r.member("name").str(),
			Inactive:        !r.member("active").truth(true),
			Default:         r.member("default").truth(false),
			Currency:        r.member("currency").str(),
			Currencies:      r.member("availableCurrencies").strs(),
			ExtraCurrencies: r.member("extraCurrencies").integers(),
			Country:         r.member("homeBase").object().member("address").object().member("country").str(),
			ShipTo:          r.member("shipToCountries").strs(),
			Language:        r.member("defaultLanguage").str(),
			Languages:       r.member("languages").strs(),
		})
	}
	if table.root == nil || table.root.kind != array {
		return
	}
	t.compileSites(table)
}

// compileSites demands that the sites are valid, except for well-formed codes that are not current.
// Codes are withdrawn while a file stays the same: such a file must not keep a server from
// starting, nor its later versions from coming into force.
func (t *tenant) compileSites(table *table) {
	sites, mistakes, err := defaults.CompileSites(t.sites, nil, time.Time{})
	aged := func(m *defaults.SiteError) bool { return m.Reason == defaults.ReasonUnknownCode }
	if err != nil || len(slices.DeleteFunc(slices.Clone(mistakes), aged)) > 0 {
		t.rejectSites(table)
		return
	}
	for _, m := range mistakes {
		table.siteField(m).age(m.Rule + "; " + m.Effect)
	}
	// A site that is left out stays as the file has it, because the caller that compiles the sites
	// again may know its last valid form.
	inForce := sites.List()
	bare := func(code string) string {
		return strings.TrimFunc(code, func(r rune) bool { return r <= ' ' || r > '~' })
	}
	for i := range t.sites {
		if len(inForce) > 0 && bare(inForce[0].Code) == bare(t.sites[i].Code) && inForce[0].Inactive == t.sites[i].Inactive {
			t.sites[i], inForce = inForce[0], inForce[1:]
		}
	}
}

// rejectSites reports every mistake of sites that cannot be used, so that one correction of the
// file is enough.
func (t *tenant) rejectSites(table *table) {
	_, err := defaults.NewSites(t.sites)
	// Which site is the default one cannot be judged while one of them cannot be read.
	unread := false
	for at := range table.wrong {
		unread = unread || at.field == "" || at.field == "active" || at.field == "default"
	}
	for _, m := range siteErrors(err) {
		if unread && (m.Index < 0 || m.Field == "default") {
			continue
		}
		table.siteField(m).reject(m.Rule)
	}
}

// siteErrors returns the mistakes that an error of defaults.NewSites joins.
func siteErrors(err error) []*defaults.SiteError {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []*defaults.SiteError{{Index: -1, Rule: err.Error()}}
	}
	var all []*defaults.SiteError
	for _, e := range joined.Unwrap() {
		if m, ok := errors.AsType[*defaults.SiteError](e); ok {
			all = append(all, m)
		}
	}
	return all
}

// siteField is the member of a site that a mistake is about.
func (t *table) siteField(m *defaults.SiteError) record {
	name, index, entry := strings.Cut(m.Field, "[")
	field := siteFields[name]
	switch {
	case name == "extraCurrencies":
		field = member(name, label(strings.TrimSuffix(index, "]")))
	case entry:
		field += "[" + index
	}
	if r, ok := t.seen[position{m.Index, field}]; ok {
		return r
	}
	return record{table: t, index: m.Index, field: field}
}

// siteFields are the members of a site by the fields of a defaults.SiteError.
var siteFields = map[string]string{
	"code":       "code",
	"default":    "default",
	"currency":   "currency",
	"currencies": "availableCurrencies",
	"country":    "homeBase.address.country",
	"shipTo":     "shipToCountries",
	"language":   "defaultLanguage",
	"languages":  "languages",
}

// readCustomers leaves preferences as they are: one that cannot be used is no mistake of the file.
// It is rejected with a reason when a session is resolved.
func (t *tenant) readCustomers(table *table) {
	t.customers = make(map[string]defaults.Customer)
	t.accounts = make(map[string]Account)
	t.emails = make(map[string]string)
	ids, emails := make(unique), make(unique)
	for _, r := range table.records() {
		id, email := r.member("id"), r.member("contactEmail")
		account := Account{CustomerID: id.str(), Email: email.str(), PasswordHash: r.hash("passwordHash")}
		customer := defaults.Customer{
			Site:     r.member("preferredSite").str(),
			Currency: r.member("preferredCurrency").str(),
			Language: r.member("preferredLanguage").str(),
		}
		for _, a := range r.member("addresses").list() {
			a = a.object()
			customer.Addresses = append(customer.Addresses, defaults.Address{
				Country: a.member("country").str(),
				Tags:    a.member("tags").strs(),
				Default: a.member("isDefault").truth(false),
			})
		}
		ids.check(id, account.CustomerID)
		emails.check(email, foldEmail(account.Email))
		t.customers[account.CustomerID] = customer
		t.accounts[account.CustomerID] = account
		t.emails[foldEmail(account.Email)] = account.CustomerID
	}
}

func (t *tenant) readClients(table *table) {
	t.clients = make(map[string]Client)
	ids := make(unique)
	for _, r := range table.records() {
		id := r.member("clientId")
		client := Client{
			ID:         id.str(),
			Public:     r.member("public").truth(false),
			SecretHash: r.hash("secretHash"),
		}
		for _, s := range r.member("scopes").list() {
			scope := s.str()
			if !scopeToken.MatchString(scope) {
				s.reject("must be a scope: printable ASCII without space, quote and backslash")
			}
			client.Scopes = append(client.Scopes, scope)
		}
		ids.check(id, client.ID)
		public := table.wrong[position{r.index, "public"}] || client.Public
		if hash := r.member("secretHash"); hash.node == nil && !public {
			hash.reject("must be given, since the client is not public")
		}
		t.clients[client.ID] = client
	}
}

// scopeToken is RFC 6749, section 3.3.
var scopeToken = regexp.MustCompile(`^[!#-\[\]-~]+$`)

// bcryptHash is the shape of a hash: version, cost of 4 to 31, 22 characters of salt and 31 of
// hash.
var bcryptHash = regexp.MustCompile(`^\$2[abxy]?\$(0[4-9]|[12][0-9]|3[01])\$[./0-9A-Za-z]{53}$`)

// hash is a member that must have the shape of a bcrypt hash if it is there.
func (r record) hash(name string) string {
	h := r.member(name)
	s := h.str()
	if h.node != nil && !bcryptHash.MatchString(s) {
		h.reject("must be a bcrypt hash")
	}
	return s
}

// unique are the values that have been seen, with the first record of each.
type unique map[string]int

// check demands a value that no earlier record has.
func (u unique) check(r record, value string) {
	if strings.TrimSpace(value) == "" {
		r.reject("must be given")
		return
	}
	if first, twice := u[value]; twice {
		r.reject(fmt.Sprintf("must be unique, record %d has it too", first))
		return
	}
	u[value] = r.index
}
