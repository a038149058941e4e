package display

import (
	"archive/zip"
	"bytes"
	_ "embed"
	"io"
	"strings"
	"sync"

	"golang.org/x/text/language"

	"github.com/sessionctx/storefront/defaults/codes"
	"github.com/sessionctx/storefront/internal/languages"
)

//go:embed cldr.zip
var archive []byte

// locale is what CLDR says in one language, or in one regional form of it. It is immutable.
type locale struct {
	tag    string
	parent *locale // nil: none
	texts  map[string]string
	// countries and languages return all countries and all languages as options, sorted by name.
	// Each language is named in itself.
	countries, languages func() []Option
}

// text returns the text of a key, and nothing where CLDR has none. The keys are described in
// internal/gencodes.
func (l *locale) text(key string) string {
	for ; l != nil; l = l.parent {
		if text, ok := l.texts[key]; ok {
			return text
		}
	}
	return ""
}

// tables are the files of the archive, unpacked one by one.
type tables struct {
	parents map[string]string // by locale; every locale is in it
	own     map[string]string // the name of a locale's language in itself; not all have one here
	basic   map[string]bool   // locales of which CLDR has few names
	aliases map[string]string // languages, by the codes that were used for them before
	files   map[string]func() map[string]*locale
	// languages are those that have all names.
	languages func() []string
}

const root = "und" // the parent of all

var (
	opened  *tables
	opening sync.Once
)

// data returns the tables.
func data() *tables {
	opening.Do(func() { opened = open() })
	return opened
}

func open() *tables {
	zr, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	if err != nil {
		panic("display: cldr.zip: " + err.Error()) // it is built in, so no program gets here
	}
	t := &tables{
		parents: map[string]string{}, own: map[string]string{}, basic: map[string]bool{}, aliases: map[string]string{}, files: map[string]func() map[string]*locale{},
	}
	t.languages = sync.OnceValue(t.list)
	for _, f := range zr.File {
		if f.Name != "index" {
			t.files[f.Name] = sync.OnceValue(func() map[string]*locale { return t.read(unpack(f)) })
			continue
		}
		for line := range strings.Lines(unpack(f)) {
			key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
			if old, ok := strings.CutPrefix(key, "="); ok {
				t.aliases[old] = value
				continue
			}
			key, basic := strings.CutPrefix(key, "-")
			t.parents[key], t.own[key], _ = strings.Cut(value, "\t")
			if basic {
				t.basic[key] = true
			}
		}
	}
	return t
}

func unpack(f *zip.File) string {
	var b strings.Builder
	r, err := f.Open()
	if err == nil {
		defer r.Close()
		b.Grow(int(f.UncompressedSize64))
		_, err = io.Copy(&b, r)
	}
	if err != nil {
		panic("display: cldr.zip: " + f.Name + ": " + err.Error())
	}
	return b.String()
}

// read returns the locales of a file. Their texts share the memory of file.
func (t *tables) read(file string) map[string]*locale {
	all := map[string]*locale{}
	var l *locale
	for line := range strings.Lines(file) {
		line = strings.TrimSuffix(line, "\n")
		if tag, ok := strings.CutPrefix(line, "#"); ok {
			l = &locale{tag: tag, texts: map[string]string{}}
			l.countries, l.languages = sync.OnceValue(l.sortCountries), sync.OnceValue(l.sortLanguages)
			all[tag] = l
			continue
		}
		key, text, _ := strings.Cut(line, "=")
		l.texts[key] = text
	}
	for tag, l := range all {
		if parent := t.parents[tag]; parent == root {
			continue
		} else if own, ok := all[parent]; ok {
			l.parent = own
		} else {
			l.parent = t.locale(parent)
		}
	}
	return all
}

// locale returns the locale of a tag, nil if there is none.
func (t *tables) locale(tag string) *locale {
	base, _, _ := strings.Cut(tag, "-")
	if _, ok := t.parents[tag]; !ok {
		return nil
	}
	return t.files[base]()[tag]
}

// find returns the locale that serves readers of a language best: of the same language and the same
// script. It returns nil if CLDR has none.
func (t *tables) find(tag string) *locale {
	if l := t.locale(tag); l != nil {
		return l
	}
	base, rest, _ := strings.Cut(tag, "-")
	if by, ok := t.aliases[strings.ToLower(base)]; ok && (rest == "" || !strings.Contains(by, "-")) {
		tag = strings.TrimSuffix(by+"-"+rest, "-")
	}
	tag, ok := codes.Language(tag)
	if !ok {
		return nil
	}
	asked, script := languages.Split(tag), scriptOf(tag)
	lang, in, region := asked.Language, "-"+script.String(), ""
	if asked.Region != "" {
		region = "-" + asked.Region
	}
	for _, candidate := range [...]string{lang + in + region, lang + region, lang + in, lang} {
		if _, ok := t.parents[candidate]; ok && scriptOf(candidate) == script {
			return t.locale(candidate)
		}
	}
	return nil
}

func scriptOf(tag string) language.Script {
	t, err := language.Parse(tag)
	if err != nil {
		return language.Script{}
	}
	script, _ := t.Script()
	return script
}
