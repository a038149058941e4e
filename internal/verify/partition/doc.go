// Package partition breaks the network between one of two Resolvers and the Redis that they share, in each of the ways that toxiproxy
// knows: on its data connections and on its tracking connection apart, and on what it sends and what it hears apart. Both write
// and read without pause. What they saw is judged as package staleness says; besides, no acknowledged write may be lost, nothing but
// [sessionctx.ErrUnavailable] and degraded answers may come of it, and when all is whole again everything works again.
// Its sources are tests alone.
package partition
