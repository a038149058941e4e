// Package processes shows what holds across processes that share one Redis, whatever breaks between
// them: a read in one process is staler than a write in another for less than the lease, and never
// staler than a write of its own process; no answered write is lost; and when all is whole again,
// everything works again.
//
// The test starts three processes, the test binary itself, each with a Resolver on a redisstore of
// its own, behind toxiproxies of its own, and one real redis-server. All of them write and read
// without pause while the test breaks something, and write down what they saw and when. They are on
// one machine, so that CLOCK_MONOTONIC orders what they write down, and it is judged when all is
// over: see Judge for what counts as stale.
package processes
