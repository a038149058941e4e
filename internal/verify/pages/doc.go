// Package pages tries what the documentation says: commands, links, programs, and the names of
// tests. It has tests alone.
package pages
