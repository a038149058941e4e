// Package scale says what becomes of the near-caches when many processes share one Redis primary.
// It draws the requests of a fleet's visitors, routes them to processes, keeps what each process
// would keep, and counts hits, reads, writes and messages. The tests hold the simulation to the
// product's own Resolvers, and the fleet to the promise of docs/scale.md.
package scale
