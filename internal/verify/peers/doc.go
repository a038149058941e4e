// Package peers holds the library beside others for sessions, used as their READMEs say: what they
// lose, which its tests assert, and what a request costs with each. Its sources are tests alone.
package peers
