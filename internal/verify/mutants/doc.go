// Package mutants shows that the check in package linear sees: each mutant is the product with one safeguard broken,
// and a history must convict it. Its sources are tests alone.
package mutants
