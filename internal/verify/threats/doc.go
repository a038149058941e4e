// Package threats shows that the tests of threats see: each mutant is the product without one mitigation, and the test that tells the
// attack must fail on it. Its sources are tests alone.
package threats
