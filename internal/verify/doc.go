// Package verify proves what the product's own tests do not: it is a module of its own, for its
// tests alone, and nothing else imports it. See README.md.
package verify
