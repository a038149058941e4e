// Package processes shows what holds across processes that share one Redis, whatever breaks between them: a read in one process is
// staler than a write in another for less than the lease, and never staler than a write of its own process.
//
// The test starts three processes, the test binary itself, each with a Resolver on a redisstore of its own, behind a proxy of
// its own, and one real redis-server. All of them write and read without pause while the test breaks something, and
// write down what they saw and when. They are on one machine, so that CLOCK_MONOTONIC orders what they
// write down, and it is judged when all is over:
//
//   - A write is acknowledged when Update has returned, and a read begins before Resolve is called. Both make a read look less stale than
//     the promise allows, never more.
//   - A read of version v is stale since the earliest acknowledgement of a later version of the same incarnation, or since its
//     incarnation was gone for certain.
//   - A read that finds no record is stale since the record was acknowledged, unless a flush may explain it.
//   - A degraded answer claims nothing, so it is not stale. It is counted.
package processes
