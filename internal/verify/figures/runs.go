package main

// runs are all that the pages show, in the order in which they are best made: what measures time
// comes last.
var runs = []run{
	{name: "linear", args: "-v ./internal/verify/linear", long: []string{"HISTORIES=10000"}},
	{name: "processes", args: "-v ./internal/verify/processes", long: []string{"LEASES=1s,250ms", "PHASE=20s"}},
	{name: "durable", args: "-v ./internal/verify/durable", long: []string{"ROUNDS=200", "POWERCUTS=20000"}},
	{name: "soak", args: "-v ./internal/verify/soak", long: []string{"SOAK=30m"}},
	{name: "mutants", args: "-v -run Mutants ./internal/verify/mutants", long: []string{"MUTANTS=all"}},
	{name: "load", args: "-v -run Flush ./internal/verify", long: []string{"FLUSHES=20"}},
	// In the short setting it only finds the targets, and writes no table.
	{name: "fuzzing", args: "-v -run Fuzz ./internal/verify", long: []string{"FUZZTIME=2m"}},
	{
		name: "heap", args: "-v -run Cache ./internal/verify",
		long: []string{"HEAP=1000,10000,100000,1000000,10000000", "BOUND=16,64,256,1024", "GOMEMLIMIT=18GiB"},
	},
	{name: "peers", args: "-v -run Peers ./internal/verify/pace"},
	{name: "scale", args: "-v ./internal/verify/scale", long: []string{"EVENTS=5000000", "KEYS=100000"}},
	pace("machine", "Machine"),
	pace("resolve", "Resolve"),
	pace("hang", "Hang", "RESOLVES=100000"),
	pace("middleware", "Middleware"),
	pace("bearer", "Token"),
	pace("cold", "Cold"),
	pace("growth", "Growth", "SITES=10000", "TENANTS=1000", "ATTRIBUTES=64"),
	pace("page", "Page"),
}

// pace is a run that measures time; more comes to the environment of its long setting.
func pace(name, tests string, more ...string) run {
	return run{
		name: "pace-" + name, args: "-v -run " + tests + " ./internal/verify/pace",
		long: append([]string{"PAIRS=20", "ROUND=300ms", "SESSIONS=100000"}, more...),
	}
}
