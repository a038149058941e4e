package sessionctx

import (
	"strings"
	"sync"
	"time"
	"unsafe"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/internal/directory"
	"github.com/sessionctx/storefront/internal/nearcache"
	"github.com/sessionctx/storefront/sessionctx/store"
)

// entry is what the near-cache holds of a session: a record, and what it last resolved to.
type entry = nearcache.Entry[resolution]

// resolution is what a record resolved to for one request. It is immutable. It answers every
// request that differs from that request only in the texts of its identity.
type resolution struct {
	shared *sharedValues // nil: there is no resolution
	// sites is the Life of the sites, and not the sites themselves: an entry that nobody reads any
	// more must not keep an old table in memory. The Life also ends when all profiles of the tenant
	// are invalidated. A change of one profile shows in the stamp of its customer, on which the entry
	// depends.
	sites *directory.Life
	until int64 // monotonic; from then on a read is slow: the profile is old, or a touch is due

	proof     Proof
	hostLogin bool
	flags     resolutionFlags

	customerID string // whose session the record says it is; empty for an asserted identity, which says so itself
	more       *moreValues

	incarnation       uint64
	version           int64
	created, modified int64 // Unix milliseconds
}

type resolutionFlags uint8

const (
	guest         resolutionFlags = 1 << iota // there is no session: the id is unknown, or there is none
	secretID                                  // the id is a secret
	degradedValue                             // computed without the record
	noProfile                                 // computed without the customer's profile
)

// moreValues are the cart and the attributes, which most sessions lack.
type moreValues struct {
	cartID     string
	attributes []store.Attribute // shared with the record
}

// sharedValues are what a request said beyond its identity, and what it resolved to. The sessions
// of a tenant share them.
type sharedValues struct {
	site                       string // request site
	language                   string // request language
	geoCountry, acceptLanguage string
	values                     defaults.Values
}

// sharedTable holds the shared values of a tenant. It lives as long as the tenant's sites.
type sharedTable struct {
	mu  sync.RWMutex
	all map[sharedValues]*sharedValues
}

// maxShared bounds what is shared for each tenant. Beyond it every session has its own.
const maxShared = 8192

// share returns v, the same pointer for equal values. The texts are copied, since they may be parts
// of a request.
func (t *sharedTable) share(v sharedValues) *sharedValues {
	t.mu.RLock()
	p := t.all[v]
	t.mu.RUnlock()
	if p != nil {
		return p
	}
	p = &sharedValues{
		site:           strings.Clone(v.site),
		language:       strings.Clone(v.language),
		geoCountry:     strings.Clone(v.geoCountry),
		acceptLanguage: strings.Clone(v.acceptLanguage),
		values: defaults.Values{
			Site: strings.Clone(v.values.Site), Currency: strings.Clone(v.values.Currency),
			Country: strings.Clone(v.values.Country), Language: strings.Clone(v.values.Language), Sources: v.values.Sources,
		},
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if known := t.all[*p]; known != nil {
		return known
	}
	if len(t.all) < maxShared {
		if t.all == nil {
			t.all = make(map[sharedValues]*sharedValues)
		}
		t.all[*p] = p
	}
	return p
}

// cost returns the bytes that the resolution keeps alive beyond its own size. Shared values are
// counted in part, because perhaps no other resolution shares them.
func (n resolution) cost() int64 {
	c := int64(len(n.customerID))
	if n.more != nil {
		c += int64(unsafe.Sizeof(*n.more)) + int64(len(n.more.cartID))
		for i := range n.more.attributes {
			a := &n.more.attributes[i]
			c += int64(unsafe.Sizeof(*a)) + int64(len(a.Name)+len(a.Value))
		}
	}
	if n.shared != nil {
		c += int64(len(n.shared.site) + len(n.shared.language) + len(n.shared.geoCountry) + len(n.shared.acceptLanguage))
	}
	return c
}

// answers reports whether the resolution is the answer to req at this time: the same question, and
// all that it depends on in force.
func (n *resolution) answers(req *Request, now int64) bool {
	v := n.shared
	return v != nil && now < n.until && n.proof == req.Proof && n.hostLogin == req.HostLogin &&
		now < n.sites.Until() &&
		v.site == req.Site && v.language == req.Language && v.geoCountry == req.GeoCountry && v.acceptLanguage == req.AcceptLanguage &&
		(req.AtLeast == Revision{} || newEnough(req.AtLeast, Revision{Incarnation: n.incarnation, Version: n.version}))
}

// resolution applies the rules to a record, as an identity sees it.
func (r *Resolver) resolution(req *Request, rec *store.Record, asGuest bool, customerID string, d *dependencies) (resolution, []defaults.Rejection) {
	in := r.input(req, rec, customerID, d)
	values, rejected := d.sites.Value.table.Explain(in)
	n := resolution{
		shared: d.sites.Value.shared.share(sharedValues{req.Site, req.Language, req.GeoCountry, req.AcceptLanguage, values}),
		sites:  d.sites.Life(),
		proof:  req.Proof, hostLogin: req.HostLogin, until: int64(1<<63 - 1),
	}
	// The Life is taken above, before Until is called here. Invalidate ends the Life of the sites
	// after it has invalidated all profiles of the tenant. So if the Life above began after an
	// Invalidate, Until takes this Invalidate into account.
	if d.profile != nil {
		n.until = d.profile.Until()
	}
	if req.Proof != Asserted {
		n.customerID = customerID
	}
	if asGuest {
		n.flags |= guest
	}
	if d.missing {
		n.flags |= noProfile
	}
	if req.Proof == BySecret || rec.Secret {
		n.flags |= secretID
	}
	if !rec.Exists() {
		return n, rejected
	}
	n.incarnation, n.version = rec.Incarnation, rec.Version
	n.created, n.modified = rec.CreatedAt.UnixMilli(), rec.ModifiedAt.UnixMilli()
	if cart := cartAt(rec, values.Site); cart != "" || len(rec.Attributes) > 0 {
		n.more = &moreValues{cart, rec.Attributes}
	}
	return n, rejected
}

// resolvedEntry returns the entry of a record with its resolution.
func (r *Resolver) resolvedEntry(req *Request, own *owned, asGuest bool, d *dependencies) *entry {
	rec := own.record
	if asGuest {
		rec = store.Record{}
	}
	n, rejected := r.resolution(req, &rec, asGuest, own.customerID, d)
	r.stats.reject(rejected)
	if own.unbound && !asGuest {
		// A planted id must show the customer neither cart nor attributes of somebody else.
		n.more, n.incarnation = nil, 0
		n.flags |= degradedValue
	}
	if due := r.cfg.touchDue(&rec); !due.IsZero() {
		n.until = min(n.until, r.near.Until(due))
	}
	if own.generation != nil { // without a Watcher it may have been loaded before the session
		n.until = min(n.until, own.generation.Deadline())
	}
	return own.entry.With(n)
}

// checkSite returns an error if no site answers req: the tenant has no default site at present, and
// neither the request nor the session names a site.
func (r *Resolver) checkSite(req *Request, rec *store.Record, customerID string, d *dependencies) error {
	sites := d.sites.Value
	if sites.noDefault == nil || sites.table.Resolve(r.input(req, rec, customerID, d)).Site != "" {
		return nil
	}
	sites.again()
	return chain(ErrUnavailable, "directory", "no site answers the request", sites.noDefault)
}

// input returns what the rules of package defaults decide from.
func (r *Resolver) input(req *Request, rec *store.Record, customerID string, d *dependencies) defaults.Input {
	return defaults.Input{
		RequestSite: req.Site, RequestLanguage: req.Language, Choices: rec.Choices, Weak: weakChoices(r.cfg.PreferProfile, rec, customerID),
		Customer: d.customer(), GeoCountry: req.GeoCountry, AcceptLanguage: req.AcceptLanguage, HasCart: len(rec.Carts) > 0,
	}
}

// weakChoices says which choices rank below the customer's profile: with PreferProfile those that
// are not newer than the login. Before a login is recorded, as with a token on an anonymous record,
// all of them are.
func weakChoices(preferProfile bool, rec *store.Record, customerID string) (weak [defaults.NumFields]bool) {
	if !preferProfile || customerID == "" {
		return weak
	}
	for f := range weak {
		weak[f] = rec.CustomerID != customerID || rec.Changed[f] <= rec.Login
	}
	return weak
}

// cartAt returns the cart of a site, empty if there is none.
func cartAt(rec *store.Record, site string) string {
	if i, ok := findCart(rec.Carts, site); ok {
		return rec.Carts[i].ID
	}
	return ""
}

// session writes the answer to a request of this identity to s.
func (n *resolution) session(id *Identity, s *Session) {
	v := &n.shared.values
	s.Tenant = id.Tenant
	s.Site, s.Currency, s.Country, s.Language, s.sources = v.Site, v.Currency, v.Country, v.Language, v.Sources
	s.proof, s.hostLogin = n.proof, n.hostLogin
	s.ProfileMissing = n.flags&noProfile != 0
	if n.flags&degradedValue != 0 {
		s.Version, s.Degraded = -1, true
	}
	if n.flags&guest != 0 {
		s.CustomerID = id.asserted() // without a session, but known to the host
		return
	}
	s.ID = id.SessionID
	if s.CustomerID = n.customerID; n.proof == Asserted {
		s.CustomerID = id.CustomerID
	}
	if n.incarnation == 0 {
		return
	}
	s.Version, s.incarnation = n.version, n.incarnation
	s.CreatedAt, s.ModifiedAt = time.UnixMilli(n.created).UTC(), time.UnixMilli(n.modified).UTC()
	if n.more != nil {
		s.CartID, s.attributes = n.more.cartID, n.more.attributes
	}
}

// sessionOf returns the session that a record is to req.
func (r *Resolver) sessionOf(req *Request, rec *store.Record, asGuest bool, customerID string, d *dependencies) (s Session) {
	n, _ := r.resolution(req, rec, asGuest || req.SessionID == "", customerID, d)
	id := req.Identity
	id.CustomerID = customerID // as it was before a login, maybe
	n.session(&id, &s)
	return s
}
