package defaults

import "github.com/sessionctx/storefront/internal/letters"

// Reason says why a candidate was rejected. The zero Reason is none.
type Reason uint8

// The reasons.
const (
	// ReasonMalformed: no well-formed code, such as the country "Germany". Its text is "malformed".
	ReasonMalformed Reason = iota + 1
	// ReasonUnknownCode: well-formed, but no current code, such as the currency DEM or the country
	// EU. Its text is "unknownCode".
	ReasonUnknownCode
	// ReasonUnknownSite: the tenant has no site of that code. Its text is "unknownSite".
	ReasonUnknownSite
	// ReasonInactiveSite: the site serves nobody at present. Its text is "inactiveSite".
	ReasonInactiveSite
	// ReasonNotOffered: a good code that the session's site does not offer. Its text is
	// "notOffered".
	ReasonNotOffered
	// ReasonOverruled: the choice of a site or a language while the server binds the request to
	// another one. Its text is "overruled".
	ReasonOverruled
)

const accepted Reason = 0

var reasonNames = []string{
	accepted:           noName,
	ReasonMalformed:    "malformed",
	ReasonUnknownCode:  "unknownCode",
	ReasonUnknownSite:  "unknownSite",
	ReasonInactiveSite: "inactiveSite",
	ReasonNotOffered:   "notOffered",
	ReasonOverruled:    "overruled",
}

// reasonForLetters returns the reason to reject s, which is not a current code, for a field whose
// codes have n letters.
func reasonForLetters(s string, n int) Reason {
	if _, wellFormed := letters.Upper(s, n); wellFormed {
		return ReasonUnknownCode
	}
	return ReasonMalformed
}

// String returns the reason as the wire and the logs show it, such as "notOffered".
func (r Reason) String() string { return nameOf("Reason", reasonNames, uint8(r)) }

// MarshalText returns what String returns, and an error for a value that is no reason.
func (r Reason) MarshalText() ([]byte, error) { return textOf("Reason", reasonNames, uint8(r)) }

// UnmarshalText reads what MarshalText wrote. Any other text is an error and leaves r alone.
func (r *Reason) UnmarshalText(text []byte) error {
	i, err := parseName("Reason", reasonNames, text)
	if err == nil {
		*r = Reason(i)
	}
	return err
}
