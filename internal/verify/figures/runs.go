package main

// runs are all that the pages show, in the order in which they are best made: what measures time
// comes last.
var runs = []run{
	{name: "linear", args: "-v ./internal/verify/linear", long: []string{"HISTORIES=10000"}},
	{name: "processes", args: "-v ./internal/verify/processes", long: []string{"LEASES=1s,250ms", "PHASE=20s"}},
	{name: "durable", args: "-v ./internal/verify/durable", long: []string{"ROUNDS=200", "POWERCUTS=20000"}},
	{name: "soak", args: "-v ./internal/verify/soak", long: []string{"SOAK=30m"}},
	{name: "pagecache", args: "-v ./internal/verify/pagecache", long: []string{"REQUESTS=100000"}},
	{name: "mutants", args: "-v -run Mutants ./internal/verify/mutants", long: []string{"MUTANTS=all"}},
	{name: "load", args: "-v -run Flush ./internal/verify", long: []string{"FLUSHES=20"}},
	// In the short setting it only finds the targets, and writes no table.
	{name: "fuzzing", args: "-v -run Fuzz ./internal/verify", long: []string{"FUZZTIME=2m"}},
	{
		name: "heap", args: "-v -run Cache ./internal/verify",
		long: []string{"HEAP=1000,10000,100000,1000000,10000000", "BOUND=16,64,256,1024", "GOMEMLIMIT=18GiB"},
	},
	{name: "fleet", args: "-v -run Fleet ./internal/verify", long: []string{"VISITORS=20000"}},
	{name: "lack", args: "-v -run Lack ./internal/verify/peers"},
	bench("resolve", "RistrettoGet|ResolveWarm", "1,2", table{name: "pace-resolve", rows: []row{
		{"sessionctx.ResolveWarm", "sessionctx.RistrettoGet", 1.35},
	}}, "./sessionctx"),
	bench("middleware", "MiddlewareFloor|MiddlewareWarm", "1,2", table{name: "pace-middleware", rows: []row{
		{"middleware.MiddlewareWarm/1000", "middleware.MiddlewareFloor/1000", 1.1},
		{"middleware.MiddlewareWarm/100000", "middleware.MiddlewareFloor/100000", 1.1},
	}}, "./middleware"),
	bench("peers", "Request", "1,2", table{name: "pace-peers", rows: []row{
		{"peers.Request/this_library", "peers.Request/scs", 1. / 25},
		{"peers.Request/this_library", "peers.Request/gorilla-sessions", 1. / 50},
	}}, "./internal/verify/peers"),
	bench("cold", "^Benchmark(Load|ResolveCold)$", "2", table{name: "pace-cold", rows: []row{
		{"sessionctx.ResolveCold", "memstore.Load", 0}, {"boltstore.ResolveCold", "boltstore.Load", 0},
		{"redisstore.ResolveCold", "redisstore.Load", 0},
	}}, "./sessionctx ./sessionctx/memstore ./sessionctx/boltstore ./sessionctx/redisstore"),
	bench("hang", "ResolveHang", "2", table{name: "pace-hang", metrics: []string{"p50-ns", "p99-ns", "p99.9-ns", "slowest-ns"}}, "./sessionctx"),
	bench("server", "^Benchmark(Load|Save|SaveTold)$", "2", table{name: "scale-server", metrics: []string{"server-ns/op"}}, "./sessionctx/redisstore"),
}

// bench is a run that measures time: rounds of benchmarks, which become a table.
func bench(name, benchmarks, processors string, t table, packages string) run {
	return run{
		name: "pace-" + name, table: t, long: []string{"PAIRS=20", "ROUND=600ms"},
		args: "-run xxx -bench '" + benchmarks + "' -cpu " + processors + " " + packages,
	}
}
