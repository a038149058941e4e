package defaults

import (
	"fmt"
	"strings"
	"sync"

	"github.com/go-playground/validator/v10"
)

// SiteError is one mistake in a list of sites.
type SiteError struct {
	Index  int    // of the site in the list; -1: the mistake is the list's
	Code   string // of that site, as it was given
	Field  string // as in "currency", "currencies[2]", "extraCurrencies[TMN]", "default"; empty: the list
	Value  string // as it was given; empty for "default"
	Rule   string // the rule that is broken, for people
	Reason Reason // of a code: malformed, or not current, as in data that has aged; 0 for other mistakes
	Effect string // what [CompileSites] made of it, for people, as in "not offered"; empty in an error
}

// Error names the site, the field, the value, the rule and the effect. It shows at most 64
// characters of the code and of the value.
func (e *SiteError) Error() string {
	rule := e.Rule
	if e.Effect != "" {
		rule += "; " + e.Effect
	}
	switch {
	case e.Index < 0:
		return "defaults: sites: " + rule
	case e.Field == "default":
		return fmt.Sprintf("defaults: site %d %.64q: default: %s", e.Index, e.Code, rule)
	}
	return fmt.Sprintf("defaults: site %d %.64q: %s %.64q: %s", e.Index, e.Code, e.Field, e.Value, rule)
}

const maxSiteCode = 64 // bytes

var siteRules = map[string]string{
	"required": "is required",
	"sitecode": fmt.Sprintf("must be 1 to %d printable ASCII characters without a space", maxSiteCode),
	"currency": codeSentence(FieldCurrency, ReasonUnknownCode),
	"country":  codeSentence(FieldCountry, ReasonUnknownCode),
	"language": codeSentence(FieldLanguage, ReasonUnknownCode),
}

// siteCodes are the functions that read the codes of a site, by the validation tags of the fields.
var siteCodes = map[string]func(string) (string, Reason){
	"currency": extraCurrencies(nil).code,
	"country":  countryCode,
	"language": languageCode,
}

// siteValidator judges the fields of a Site by their tags. It is made at first use: a program that
// never compiles sites does not pay for it.
var siteValidator = sync.OnceValue(func() *validator.Validate {
	v := validator.New(validator.WithRequiredStructEnabled())
	rules := map[string]func(string) bool{"sitecode": validSiteCode}
	for tag, code := range siteCodes {
		rules[tag] = func(s string) bool { _, reason := code(s); return reason == accepted }
	}
	for tag, rule := range rules {
		err := v.RegisterValidation(tag, func(f validator.FieldLevel) bool { return rule(f.Field().String()) })
		if err != nil {
			panic(err) // the tags are constants
		}
	}
	return v
})

func validSiteCode(s string) bool {
	if s == "" || len(s) > maxSiteCode {
		return false
	}
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// fieldName turns the name of a struct field into lower camel case.
func fieldName(s string) string {
	return strings.ToLower(s[:1]) + s[1:]
}
