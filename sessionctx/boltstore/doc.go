// Package boltstore keeps session records in a file: an embedded store that survives restarts, for one process.
package boltstore
