// Package mutants shows that the checks notice a broken product. A mutant is the product with one
// safeguard broken; each test that it names must fail on it. The table is All, by the promises of
// the documentation.
//
// A mutant is marked by a short piece of the source, which must occur once in the function that it
// names, or else in the file: so a mutant cannot rot unseen, and most changes of the code around it
// do not matter to it.
package mutants

import "strings"

// Mutant is the product with something broken.
type Mutant struct {
	Desc  string // unique
	Edits []Edit
	By    []Check // each of them must see it
	Long  bool    // takes its time: only with MUTANTS=all
}

// Edit replaces a mark by something else.
type Edit struct {
	File     string // from the root of the repository; after a '#' the function that the mark is in
	Old, New string // an empty mark: New is added to the file
}

func (e Edit) file() string     { f, _, _ := strings.Cut(e.File, "#"); return f }
func (e Edit) function() string { _, f, _ := strings.Cut(e.File, "#"); return f }

// Check is a test that must fail.
type Check struct {
	In    string // the folder of its package, from the root of the repository
	Test  string
	Says  string // what it must say, where failing is not enough
	Setup []string
}

// Promise is a promise of the documentation, and the mutants that break it.
type Promise struct {
	Text    string
	Mutants []Mutant
}

// All returns the mutants of all promises.
func All() (all []Mutant) {
	for _, p := range Promises {
		all = append(all, p.Mutants...)
	}
	return all
}

// edit returns edits of (file, mark, what replaces it), one after the other.
func edit(texts ...string) (edits []Edit) {
	for i := 0; i < len(texts); i += 3 {
		edits = append(edits, Edit{texts[i], texts[i+1], texts[i+2]})
	}
	return edits
}

// by returns the checks by tests of one package.
func by(in string, tests ...string) (checks []Check) {
	for _, t := range tests {
		checks = append(checks, Check{In: in, Test: t})
	}
	return checks
}
