// Package durable shows what a store that writes to a disk keeps: after kill -9, and after a power cut. Its sources are
// tests alone.
package durable
