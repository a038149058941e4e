package defaults

import (
	"cmp"
	"strings"
	"sync"

	"github.com/sessionctx/storefront/internal/languages"
)

// languageTag is a language tag, ready to be compared with others.
type languageTag struct {
	text     string // canonical spelling
	language string // the language, after sameLanguages
	group    string // the language, except that no, nb and nn are one group: languages match within a group only
	script   string // as given, else the likely one
	region   string // as given; empty: none
	variants string // as given, joined by hyphens
	bare     bool   // neither script, region nor variant was given
}

// sameLanguages are the languages that are written under two codes. The values are language, script
// and region, as far as the old code implies them. Macrolanguages are not in the table, except
// where everybody uses the macrolanguage and its one large member alike: Malay (ms) is not
// Indonesian (id), and Serbian (sr) is not Croatian (hr).
var sameLanguages = map[string]string{
	"iw":  "he",
	"in":  "id",
	"ji":  "yi",
	"tl":  "fil",
	"mo":  "ro",
	"sh":  "sr-Latn",
	"cnr": "sr-Latn-ME",
	"cmn": "zh",
	"zsm": "ms",
	"arb": "ar",
	"swh": "sw",
}

const norwegian = "no" // the group of no, nb and nn

// twoScripts reports whether a group reads two scripts alike, so that the script does not separate
// its languages.
func twoScripts(group string) bool { return group == "sr" || group == "bs" }

// newLanguageTag parses a tag in canonical spelling.
func newLanguageTag(canonical string) languageTag {
	given := languages.Split(canonical)
	of := given
	if same, ok := sameLanguages[given.Language]; ok {
		of = languages.Split(same)
	}
	t := languageTag{
		text: canonical, language: of.Language, group: of.Language,
		script: cmp.Or(given.Script, of.Script), region: cmp.Or(given.Region, of.Region), variants: given.Variants,
		bare: of.Script == "" && of.Region == "" && given.Script == "" && given.Region == "" && given.Variants == "",
	}
	if t.language == "nb" || t.language == "nn" {
		t.group = norwegian
	}
	if t.script == "" {
		t.script = likelyScript(t.language, t.region)
	}
	return t
}

// toParent turns t into the next tag of the parent chain of CLDR (es-AR, es-419). The chain ends
// before the language without a region: there toParent returns false.
func (t *languageTag) toParent() bool {
	switch {
	case t.region == "":
		return false
	case t.variants != "":
		t.variants = ""
	default:
		t.region = languageData().parents[regionKey{t.language, t.script, t.region}]
	}
	return t.region != ""
}

// plain reports whether a tag has neither region nor variant.
func (t *languageTag) plain() bool { return t.region == "" && t.variants == "" }

// at reports whether two tags of one group have the same subtags.
func (t *languageTag) at(o *languageTag) bool {
	return t.language == o.language && t.script == o.script && t.region == o.region && t.variants == o.variants
}

// below returns how many steps t's parent chain takes to o, 0 if they are the same.
func (t languageTag) below(o *languageTag) (steps int, ok bool) {
	for ok = true; ok; ok = t.toParent() {
		if t.at(o) {
			return steps, true
		}
		steps++
	}
	return 0, false
}

// matches reports whether somebody who asks for t can read o.
func (t *languageTag) matches(o *languageTag) bool {
	return t.group == o.group && (t.script == o.script || twoScripts(t.group))
}

// The ranks of an offered tag among those that match, best first. Each step of the parent chain
// adds chainStep.
const (
	rankExact    = iota // the same text
	rankAncestor        // on the parent chain of what is asked for, or the same under another spelling: zh-TW, zh-Hant-TW
	rankTypical         // what stands for that part of the chain: en-GB for en-001
	chainStep    = 2

	rankSame      = 100 // the same language and script
	rankNorwegian = 200 // no, for nb and nn
	rankOther     = 201 // nn for nb; another script of two
	rankNone      = 300
)

// rank says how well an offered tag serves somebody who asks for t.
func (t languageTag) rank(o *languageTag) int {
	switch {
	case !t.matches(o):
		return rankNone
	case t.text == o.text:
		return rankExact
	case t.at(o):
		return rankAncestor
	case t.language != o.language && o.language == norwegian:
		return rankNorwegian
	case t.language != o.language || t.script != o.script:
		return rankOther
	}
	for step, ok := 0, t.region != ""; ok; ok = t.toParent() {
		if t.at(o) {
			return rankAncestor + step
		}
		if t.region == "001" && t.language == "en" && o.region == "GB" && o.variants == "" {
			return rankTypical + step
		}
		step += chainStep
	}
	return rankSame
}

// covers reports whether a range of Accept-Language covers a tag, and how closely: the range en
// covers en-GB, and the range en-001 covers it more closely.
func (t languageTag) covers(o *languageTag) (closeness int, ok bool) {
	switch {
	case t.group != o.group || t.language != o.language && t.language != t.group:
		return 0, false
	case t.bare && t.language != o.language:
		return 1, true
	case t.bare:
		return 2, true
	case t.script != o.script:
		return 0, false
	case t.plain():
		return 3, true
	}
	t.language = o.language // no-NO covers nb-NO
	steps, ok := o.below(&t)
	return rankSame - steps, ok
}

// regionKey is a regional language, with its script.
type regionKey struct{ language, script, region string }

// languageTables are the generated tables of languages, unpacked.
type languageTables struct {
	scripts map[string]string    // of a language, or of a regional language in another script; what is missing is Latin
	parents map[regionKey]string // region
}

// languageData unpacks the tables at first use: a program that matches no language does not pay for
// it.
var languageData = sync.OnceValue(func() languageTables {
	tables := languageTables{scripts: make(map[string]string), parents: make(map[regionKey]string)}
	for script, tags := range scriptLanguages {
		for tag := range strings.SplitSeq(tags, " ") {
			tables.scripts[tag] = script
		}
	}
	for parent, children := range regionChildren {
		subtags := strings.Split(parent, "-")
		for child := range strings.SplitSeq(children, " ") {
			tables.parents[regionKey{subtags[0], subtags[1], child}] = subtags[2]
		}
	}
	return tables
})

// likelyScript returns the script in which a language is written where its tag does not say so.
func likelyScript(language, region string) string {
	scripts := languageData().scripts
	if region != "" {
		if script, ok := scripts[language+"-"+region]; ok {
			return script
		}
	}
	if script, ok := scripts[language]; ok {
		return script
	}
	return "Latn"
}
