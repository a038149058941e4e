package defaults

import (
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/go-playground/validator/v10"
)

// SiteError is one mistake in a list of sites.
type SiteError struct {
	Index int    // of the site in the list; -1: the mistake is the list's
	Code  string // of that site, as it was given
	Field string // as in "currency", "currencies[2]", "shipTo[0]", "default"; empty: the list
	Value string // as it was given; empty for "default"
	Rule  string // the rule that is broken, for people
}

// Error names the site, the field, the value and the rule.
func (e *SiteError) Error() string {
	switch {
	case e.Index < 0:
		return "defaults: sites: " + e.Rule
	case e.Field == "default":
		return fmt.Sprintf("defaults: site %d %q: default: %s", e.Index, e.Code, e.Rule)
	}
	return fmt.Sprintf("defaults: site %d %q: %s %q: %s", e.Index, e.Code, e.Field, e.Value, e.Rule)
}

const maxSiteCode = 64 // bytes

var siteRules = map[string]string{
	"required": "is required",
	"sitecode": fmt.Sprintf("must be 1 to %d printable ASCII characters without a space", maxSiteCode),
	"currency": codeSentence(FieldCurrency, ReasonUnknownCode),
	"country":  codeSentence(FieldCountry, ReasonUnknownCode),
	"language": codeSentence(FieldLanguage, ReasonUnknownCode),
}

// siteValidator judges the fields of a Site by their tags. It is made at first use: a program that never compiles sites, a
// client of the package's codes alone, does not pay for it.
var siteValidator = sync.OnceValue(func() *validator.Validate {
	v := validator.New(validator.WithRequiredStructEnabled())
	for tag, rule := range map[string]func(string) bool{
		"sitecode": validSiteCode,
		"currency": func(s string) bool { _, ok := CanonicalCurrency(s); return ok },
		"country":  func(s string) bool { _, ok := CanonicalCountry(s); return ok },
		"language": func(s string) bool { _, ok := CanonicalLanguage(s); return ok },
	} {
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

// validateSites returns every mistake in the list.
func validateSites(sites []Site) error {
	if len(sites) == 0 {
		return &SiteError{Index: -1, Rule: "there must be at least one site"}
	}
	var errs []error
	add := func(i int, field, value, rule string) {
		errs = append(errs, &SiteError{Index: i, Code: sites[i].Code, Field: field, Value: value, Rule: rule})
	}
	seen := make(map[string]int, len(sites))
	def, inactiveDefault := -1, -1
	for i := range sites {
		site := &sites[i]
		var invalid validator.ValidationErrors
		if err := siteValidator().Struct(site); errors.As(err, &invalid) {
			for _, f := range invalid {
				add(i, fieldName(f.StructField()), fmt.Sprint(f.Value()), siteRules[f.Tag()])
			}
		}
		if first, ok := seen[site.Code]; ok && site.Code != "" {
			add(i, "code", site.Code, fmt.Sprintf("is also the code of site %d", first))
		} else {
			seen[site.Code] = i
		}
		switch {
		case !site.Default:
		case site.Inactive:
			inactiveDefault = i
		case def >= 0:
			add(i, "default", "", fmt.Sprintf("only one active site can be the default site, and site %d %q is", def, sites[def].Code))
		default:
			def = i
		}
	}
	switch {
	case def >= 0:
	case inactiveDefault >= 0:
		add(inactiveDefault, "default", "", "an inactive site cannot be the default site, and no active one is")
	default:
		errs = append(errs, &SiteError{Index: -1, Field: "default", Rule: "one active site must be the default site"})
	}
	return errors.Join(errs...)
}

// fieldName turns the name of a struct field into lower camel case.
func fieldName(s string) string {
	return strings.ToLower(s[:1]) + s[1:]
}
