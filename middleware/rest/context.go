package rest

import (
	"encoding/json"
	"maps"
	"net/http"
	"time"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/sessionctx"
)

// contextBody is a session context on the wire, without members for what the session does not have.
type contextBody struct {
	SessionID      string                     `json:"sessionId,omitempty"`
	CustomerID     string                     `json:"customerId,omitempty"`
	SiteCode       string                     `json:"siteCode"`
	Currency       string                     `json:"currency"`
	CartID         string                     `json:"cartId,omitempty"`
	TargetLocation string                     `json:"targetLocation"`
	Language       string                     `json:"language"`
	Context        map[string]json.RawMessage `json:"context,omitzero"`
	Metadata       *metadata                  `json:"metadata,omitempty"`
	Degraded       bool                       `json:"degraded,omitempty"`
	ProfileMissing bool                       `json:"profileMissing,omitempty"`
	Sources        map[string]string          `json:"sources,omitempty"`
	Rejected       map[string][]rejection     `json:"rejected,omitzero"`
}

type metadata struct {
	Version    int64     `json:"version"`
	CreatedAt  time.Time `json:"createdAt,omitzero"`
	ModifiedAt time.Time `json:"modifiedAt,omitzero"`
}

// rejection is a candidate that was rejected.
type rejection struct {
	Value  string `json:"value"`
	Source string `json:"source"`
	Reason string `json:"reason"`
}

// newContextBody returns s as a body. The attributes and the version of a degraded session are not
// known, so the body has neither.
func (x *exchange) newContextBody(s sessionctx.Session) *contextBody {
	b := &contextBody{
		SessionID: x.sessionID(), CustomerID: s.CustomerID, SiteCode: s.Site, Currency: s.Currency,
		CartID: s.CartID, TargetLocation: s.Country, Language: s.Language,
		Degraded: s.Degraded, ProfileMissing: s.ProfileMissing,
	}
	if !s.Degraded {
		b.Context = maps.Collect(s.Attributes())
		b.Metadata = &metadata{s.Version, s.CreatedAt, s.ModifiedAt}
	}
	return b
}

// explain adds why the values are what they are.
func (b *contextBody) explain(e sessionctx.Explanation) {
	b.Sources = make(map[string]string, defaults.NumFields)
	for f, name := range fieldNames {
		b.Sources[name] = e.Session.Source(defaults.Field(f)).String()
	}
	b.Rejected = make(map[string][]rejection)
	for _, r := range e.Rejected {
		name := fieldNames[r.Field]
		rejected := rejection{cut(r.Value), r.Source.String(), r.Reason.String()}
		b.Rejected[name] = append(b.Rejected[name], rejected)
	}
}

// show answers GET /me/context and GET /context/{sessionId}.
func (x *exchange) show() error {
	explain, err := x.flag("explain")
	if err != nil {
		return err
	}
	if explain {
		e, err := x.resolver.Preview(x.r.Context(), x.req, sessionctx.Patch{})
		if err != nil {
			return err
		}
		if e.Session.ID == "" {
			return sessionctx.ErrNotFound
		}
		if err := x.checkRead(e.Session); err != nil {
			return err
		}
		// No tag: it would stay the same where another candidate is rejected.
		b := x.newContextBody(e.Session)
		b.explain(e)
		x.write(http.StatusOK, "application/json", b)
		return nil
	}
	s, err := x.resolver.Resolve(x.r.Context(), x.req)
	if err != nil {
		return err
	}
	if s.ID == "" && !s.Degraded {
		return sessionctx.ErrNotFound // the cookie names no session; a guest's defaults are for pages
	}
	if err := x.checkRead(s); err != nil {
		return err
	}
	x.tag(s)
	if c := readCondition(x.r.Header, "If-None-Match"); s.ETag() != "" && (c.star || c.shows(s)) {
		x.w.WriteHeader(http.StatusNotModified)
		return nil
	}
	x.write(http.StatusOK, "application/json", x.newContextBody(s))
	return nil
}

// checkRead refuses to show s if If-Match does not hold: RFC 9110, section 13.1.1. Whether it holds
// is not known for a degraded session, so the error is ErrUnavailable.
func (x *exchange) checkRead(s sessionctx.Session) error {
	p := preconditions{match: readCondition(x.r.Header, "If-Match")}
	if p.match.sent && s.Degraded {
		return sessionctx.ErrUnavailable
	}
	return p.check(s, true)
}

// tag sets the ETag of a session that has one.
func (x *exchange) tag(s sessionctx.Session) {
	if etag := s.ETag(); etag != "" {
		x.w.Header().Set("ETag", etag)
	}
}
