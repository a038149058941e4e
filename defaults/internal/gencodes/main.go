// Command gencodes writes the tables of package codes, which are the current currencies and
// countries, and those of package defaults, which are the three-letter codes of countries and what
// the matching of languages needs. It reads published data:
//
//   - npm cldr-core (Unicode CLDR): which currencies are legal tender where and when, which regions
//     are ISO 3166-1 countries and their alpha-3 codes, the likely scripts of languages and the
//     parents of regional languages;
//   - npm currency-codes (ISO 4217, list one): minor units;
//   - npm cldr-numbers-full (Unicode CLDR): symbols of currencies and patterns of prices;
//   - npm cldr-localenames-full (Unicode CLDR): names of countries and languages.
//
// It also writes the names and patterns of package display, for the currencies and countries of the
// tables that gencodes was built with. So run it twice if the currencies or countries have changed.
//
// It needs npm and the network, and is run by go generate only: neither the build nor the tests
// need it.
package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"go/format"
	"io"
	"log"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

const (
	// asOf is the day for which the table is right. CLDR's dates are of legal tender, so a currency
	// leaves the table when the last day of double circulation is over.
	asOf = "2026-02-01"

	cldrCore      = "cldr-core@48.2.0"
	cldrNumbers   = "cldr-numbers-full@48.2.0"
	currencyCodes = "currency-codes@2.2.0"

	// firstUserAssigned is the first numeric code that CLDR gives a region for which ISO 3166-1 has
	// none.
	firstUserAssigned = 900
)

// kept are currencies of ISO 4217's list of the current ones that CLDR does not call tender on the
// day.
var kept = map[string]string{
	"SVC": "El Salvador pays in dollars since 2001 and has not withdrawn the colón",
	"VED": "Venezuela's digital bolívar: the same money as VES under a second code",
}

// young are currencies that ISO 4217 made current after the list in currencyCodes was published,
// with their minor units.
var young = map[string]int{
	"XCG": 2, // Caribbean guilder, amendment 176, in force since 2025-03-31
}

func main() {
	log.SetFlags(0)
	log.SetPrefix("gencodes: ")
	dir := flag.String("dir", ".", "directory of package defaults, in which codes is")
	flag.Parse()
	if err := run(*dir); err != nil {
		log.Fatal(err)
	}
}

func run(out string) error {
	dir, err := os.MkdirTemp("", "gencodes")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	core, err := npmPack(dir, cldrCore)
	if err != nil {
		return err
	}
	numbers, err := npmPack(dir, cldrNumbers)
	if err != nil {
		return err
	}
	names, err := npmPack(dir, cldrNames)
	if err != nil {
		return err
	}
	iso, err := npmPack(dir, currencyCodes)
	if err != nil {
		return err
	}
	units, err := currencies(core, iso)
	if err != nil {
		return err
	}
	countries, alpha3, err := countries(core)
	if err != nil {
		return err
	}
	scripts, err := likelyScripts(core)
	if err != nil {
		return err
	}
	parents, err := parentRegions(core)
	if err != nil {
		return err
	}
	return errors.Join(
		writeCodes(filepath.Join(out, "codes", "codes_gen.go"), units, countries),
		writeAlpha3(filepath.Join(out, "alpha3_gen.go"), alpha3),
		writeLanguages(filepath.Join(out, "languages_gen.go"), scripts, parents),
		writeNames(filepath.Join(out, "display"), core, names, numbers),
	)
}

// npmPack downloads a package and returns its text files by their path in it.
func npmPack(dir, pkg string) (map[string][]byte, error) {
	cmd := exec.Command("npm", "pack", "--silent", pkg)
	cmd.Dir = dir
	cmd.Stderr = os.Stderr
	name, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("npm pack %s: %w", pkg, err)
	}
	f, err := os.Open(filepath.Join(dir, strings.TrimSpace(string(name))))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	zr, err := gzip.NewReader(f)
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	for tr := tar.NewReader(zr); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return files, nil
		}
		if err != nil {
			return nil, err
		}
		data, err := io.ReadAll(tr)
		if err != nil {
			return nil, err
		}
		files[strings.TrimPrefix(h.Name, "package/")] = data
	}
}

// currencies returns the minor units of every currency that people pay with on the day.
func currencies(core, iso map[string][]byte) (map[string]int, error) {
	listOne, err := isoMinorUnits(iso)
	if err != nil {
		return nil, err
	}
	for code, digits := range young {
		if _, ok := listOne[code]; ok {
			return nil, fmt.Errorf("%s is listed by now: remove it from the young ones", code)
		}
		listOne[code] = digits
	}
	var data struct {
		Supplemental struct {
			CurrencyData struct {
				Region map[string][]map[string]struct {
					From   string `json:"_from"`
					To     string `json:"_to"`
					Tender string `json:"_tender"`
				}
			}
		}
	}
	if err := json.Unmarshal(core["supplemental/currencyData.json"], &data); err != nil {
		return nil, err
	}
	current := map[string]bool{}
	for _, periods := range data.Supplemental.CurrencyData.Region {
		for _, period := range periods {
			for code, p := range period {
				if p.Tender != "false" && p.From <= asOf && (p.To == "" || asOf <= p.To) {
					current[code] = true
				}
			}
		}
	}
	for code := range kept {
		if current[code] {
			return nil, fmt.Errorf("%s is tender: remove it from the kept ones", code)
		}
		current[code] = true
	}
	units := map[string]int{}
	for code := range current {
		digits, ok := listOne[code]
		if !ok {
			return nil, fmt.Errorf("%s is tender and not in list one of ISO 4217", code)
		}
		units[code] = digits
	}
	return units, nil
}

// isoMinorUnits reads data.js of currency-codes: a JSON array in an assignment.
func isoMinorUnits(iso map[string][]byte) (map[string]int, error) {
	_, array, ok := bytes.Cut(iso["data.js"], []byte("module.exports = "))
	if !ok {
		return nil, errors.New("data.js of currency-codes is not an assignment")
	}
	var list []struct {
		Code   string
		Digits int
	}
	if err := json.Unmarshal(bytes.TrimSuffix(bytes.TrimSpace(array), []byte(";")), &list); err != nil {
		return nil, err
	}
	units := map[string]int{}
	for _, c := range list {
		units[c.Code] = c.Digits
	}
	return units, nil
}

// countries returns the regions to which ISO 3166-1 assigns a number and that no other region has
// replaced, and XK. alpha3 has their three-letter codes.
func countries(core map[string][]byte) (list []string, alpha3 map[string]string, err error) {
	var mappings struct {
		Supplemental struct {
			CodeMappings map[string]struct {
				Numeric string `json:"_numeric"`
				Alpha3  string `json:"_alpha3"`
			}
		}
	}
	if err := json.Unmarshal(core["supplemental/codeMappings.json"], &mappings); err != nil {
		return nil, nil, err
	}
	var aliases struct {
		Supplemental struct {
			Metadata struct {
				Alias struct {
					TerritoryAlias map[string]json.RawMessage
				}
			}
		}
	}
	if err := json.Unmarshal(core["supplemental/aliases.json"], &aliases); err != nil {
		return nil, nil, err
	}
	// XKX is what the World Bank and the European Commission write, XKK what CLDR does.
	list, alpha3 = []string{"XK"}, map[string]string{"XKX": "XK", mappings.Supplemental.CodeMappings["XK"].Alpha3: "XK"}
	for code, m := range mappings.Supplemental.CodeMappings {
		_, replaced := aliases.Supplemental.Metadata.Alias.TerritoryAlias[code]
		n, err := strconv.Atoi(m.Numeric)
		if len(code) == 2 && err == nil && n < firstUserAssigned && !replaced {
			list = append(list, code)
			alpha3[m.Alpha3] = code
		}
	}
	slices.Sort(list)
	return list, alpha3, nil
}

func writeCodes(out string, units map[string]int, countries []string) error {
	var b bytes.Buffer
	p := func(format string, args ...any) { fmt.Fprintf(&b, format, args...) }
	p("// Code generated by internal/gencodes from npm %s, %s; DO NOT EDIT.\n//\n", cldrCore, currencyCodes)
	p("// CLDR data: Copyright 2004-2026 Unicode, Inc., Unicode License v3 (https://www.unicode.org/license.txt).\n")
	p("// currency-codes: MIT License, after list one of ISO 4217.\n\n")
	p("package codes\n\n")
	p("// minorUnits are the currencies that people pay with on %s, and their ISO 4217 minor units.\n", asOf)
	p("var minorUnits = map[string]uint8{\n")
	for _, code := range slices.Sorted(maps.Keys(units)) {
		p("%q: %d,\n", code, units[code])
	}
	p("}\n\n// countries are those of ISO 3166-1, and XK.\nvar countries = map[string]struct{}{\n")
	for _, code := range countries {
		p("%q: {},\n", code)
	}
	p("}\n")
	return writeSource(out, b.Bytes())
}

func writeAlpha3(out string, alpha3 map[string]string) error {
	var b bytes.Buffer
	p := func(format string, args ...any) { fmt.Fprintf(&b, format, args...) }
	p("// Code generated by internal/gencodes from npm %s; DO NOT EDIT.\n//\n", cldrCore)
	p("// CLDR data: Copyright 2004-2026 Unicode, Inc., Unicode License v3 (https://www.unicode.org/license.txt).\n\n")
	p("package defaults\n\n")
	p("// alpha3Countries are the countries by their three-letter codes of ISO 3166-1.\nvar alpha3Countries = map[string]string{\n")
	for _, code := range slices.Sorted(maps.Keys(alpha3)) {
		p("%q: %q,\n", code, alpha3[code])
	}
	p("}\n")
	return writeSource(out, b.Bytes())
}

func writeSource(out string, src []byte) error {
	src, err := format.Source(src)
	if err != nil {
		return err
	}
	return os.WriteFile(out, src, 0o644)
}
