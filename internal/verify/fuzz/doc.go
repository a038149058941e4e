// Package fuzz runs every fuzz target of the workspace for a while and counts what that found. Its sources are tests alone.
package fuzz
