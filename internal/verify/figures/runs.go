package main

// runs are all that the pages show, in the order in which they are best made: what measures time comes last.
var runs = []run{
	{
		name: "linearizability", args: "-v -run TestHistoriesAreLinearizable ./internal/verify/linear",
		long: []string{"HISTORIES=10000"},
	},
	{
		name: "histories", args: "-v ./internal/verify/histories",
		long: []string{"HISTORIES=1000"},
	},
	{
		name: "processes", args: "-v ./internal/verify/processes",
		long: []string{"PHASE=20s", "OUTAGES=20"},
	},
	{
		name: "durability-redis", args: "-v -run RedisIsKilled ./internal/verify/durable",
		long: []string{"ROUNDS=24"},
	},
	{
		name: "partition", args: "-v ./internal/verify/partition",
		long: []string{"FAULT_FOR=30s", "MUTANTS=all"},
	},
	{
		name: "soak", args: "-v ./internal/verify/soak",
		long: []string{"SOAK=30m", "MUTANTS=all"},
	},
	{
		name: "mass-flush", args: "-v -run AfterAFlush ./internal/verify",
		long: []string{"FLUSHES=20"},
	},
	{
		name: "mutants", args: "-v -run EveryMutant ./internal/verify/mutants",
		long: []string{"MUTANTS=all"},
	},
	{ // in the short setting it only finds the targets, and writes no table
		name: "fuzzing", args: "-v ./internal/verify/fuzz",
		long: []string{"FUZZTIME=2m"},
	},
	{
		name: "scale", args: "-v -skip Constants ./internal/verify/scale",
		long: []string{"EVENTS=5000000"},
	},
	{
		name: "durability-bolt", args: "-v -run Kill9$ ./internal/verify/durable",
		long: []string{"ROUNDS=200"},
	},
	{
		name: "torn-tail", args: "-v -run PowerCut$ ./internal/verify/durable",
		long: []string{"POWERCUTS=20000", "MUTANTS=all"},
	},
	{
		name: "threats", args: "-v -run TestEveryBrokenMitigationIsSeen ./internal/verify/threats",
		long: []string{"MUTANTS=all"},
	},
	{
		name: "peers-lack", args: "-v -run PeersLack ./internal/verify/pace",
	},
	{
		name: "heap", args: "-v -run Cache ./internal/verify",
		long: []string{"HEAP=1000,10000,100000,1000000,10000000", "BOUND=16,64,256,1024", "GOMEMLIMIT=18GiB"},
	},
	{ // CPU times: alone on the machine
		name: "scale constants", args: "-v -run Constants ./internal/verify/scale",
		long: []string{"EVENTS=5000000"},
	},
	pace("machine", "Machine"),
	pace("resolve", "WarmResolveBesideCaches"),
	pace("hang", "Hang", "RESOLVES=100000"),
	pace("middleware", "WarmMiddleware"),
	pace("bearer", "Token"),
	pace("loopback", "Loopback"),
	pace("cold", "Cold"),
	pace("stores", "EveryStore"),
	pace("growth", "Grows", "SITES=10000", "TENANTS=1000", "GROWN=1000000"),
	pace("storefront", "ProcessorTime", "WRK=5"),
	pace("latency", "Latency", "ROUND=10s", "RATE=1000"),
}

// pace is a run that measures time; more comes to the environment of its long setting.
func pace(name, tests string, more ...string) run {
	return run{
		name: "pace-" + name, args: "-v -run " + tests + " ./internal/verify/pace",
		long: append([]string{"PAIRS=20", "ROUND=300ms", "SESSIONS=100000"}, more...),
	}
}
