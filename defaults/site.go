package defaults

// Site is one storefront of a tenant, as the shop's administration wrote it. [NewSites] demands
// that every active site is valid; [CompileSites] uses what is valid of a site that is not. Both
// bring the codes into canonical spelling. A site's own currency, country and language are always
// offered there, also when a list does not contain them.
type Site struct {
	// Code names the site within the tenant: 1 to 64 printable ASCII characters without a space,
	// unique, case matters.
	Code string `validate:"required,sitecode"`
	// Name is for people. It decides nothing.
	Name string
	// Inactive sites serve nobody, and nothing in them is judged. They stay in the list, so that a
	// choice of such a site has another reason than a mistyped one.
	Inactive bool
	// Default marks the site of a shopper who has none. Exactly one active site of a tenant is the
	// default site.
	Default bool
	// Currency is what a shopper without a currency sees: ISO 4217, required.
	Currency string `validate:"required,currency"`
	// Currencies are offered besides Currency: ISO 4217. Empty: every currency that
	// [codes.Currency] accepts, and the extra ones.
	Currencies []string `validate:"dive,currency"`
	// ExtraCurrencies are codes of three letters that the shop uses besides the current ones of ISO
	// 4217, with their decimals, 0 to 18: tomans (TMN, 0), Jersey pounds (JEP, 2), loyalty points.
	// Every site of the tenant may offer what one active site declares. A current code of ISO 4217
	// keeps the decimals that it has there.
	ExtraCurrencies map[string]int
	// Country is the country of the home base: ISO 3166-1 alpha-2, required. It is the country of a
	// shopper whose country is not known.
	Country string `validate:"required,country"`
	// ShipTo are the countries that the site ships to besides Country: ISO 3166-1 alpha-2. Empty:
	// every country that [codes.Country] accepts.
	ShipTo []string `validate:"dive,country"`
	// Language is what a shopper without a language reads: BCP 47, required.
	Language string `validate:"required,language"`
	// Languages are offered besides Language: BCP 47. Empty: every language that
	// [codes.Language] accepts.
	Languages []string `validate:"dive,language"`
}
