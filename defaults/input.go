package defaults

// Input is all that a resolution depends on, besides the sites.
type Input struct {
	// RequestSite is the site that the server derived from host or path by a mapping of its own, or
	// empty. It outranks the shopper's choice, so it must never be what a client merely sent.
	RequestSite string
	// RequestLanguage is the language that the server derived from host or path by a mapping of its
	// own, BCP 47, or empty. It outranks the shopper's choice, so it must never be what a client
	// merely sent.
	RequestLanguage string
	// Choices are what the shopper set, in the spelling in which it was stored.
	Choices Choices
	// Weak marks, indexed by Field, the choices that rank below the customer's profile: those that
	// an anonymous shopper made before a login, where the shop prefers the profile. A weak choice
	// is tried after the customer's values and before what follows.
	Weak [NumFields]bool
	// Customer is nil for an anonymous shopper and for a customer of whom nothing is known. It is
	// only read.
	Customer *Customer
	// GeoCountry is a hint: where the shopper seems to be, ISO 3166-1 alpha-2, as a CDN's country
	// header says, or empty. Hints are what a single request suggests. They are untrusted, decide
	// only where neither the shopper nor the customer's profile does, and are never persisted.
	GeoCountry string
	// AcceptLanguage is a hint: the value of the request's Accept-Language header (RFC 9110 section
	// 12.5.4), or empty. Its first 256 bytes and 16 languages are read. A tag that is malformed or
	// unknown does not spoil the others, and the tail of a tag that cannot be parsed is cut off. The
	// languages are tried by descending weight, those of equal weight in the order of the header. A
	// language of weight 0 excludes itself and its regional forms. A form that the header also names
	// with a weight above 0 is excluded only for the languages before it. "*" suggests nothing. A
	// language without a region has the script of its regional form before it: zh-TW,zh asks for
	// traditional Chinese alone.
	AcceptLanguage string
	// HasCart says that the session has a cart. The country hint then decides nothing: the cart was
	// priced and taxed for a country, and the shopper's next network must not change that country.
	HasCart bool
}

// choice returns the choice of a field as strong, which ranks above the customer's values, or as
// weak, which ranks below them. At most one of the two is not empty.
func (in *Input) choice(f Field) (strong, weak candidate) {
	c := candidate{*in.Choices.of(f), SourceChoice}
	if in.Weak[f] {
		return candidate{}, c
	}
	return c, candidate{}
}

// Choices are the values that a shopper set explicitly. An empty string is no choice.
type Choices struct {
	Site, Currency, Country, Language string
}

// of returns the choice for a field.
func (c *Choices) of(f Field) *string {
	return [NumFields]*string{&c.Site, &c.Currency, &c.Country, &c.Language}[f]
}
