package main

// runs are all that the pages show, in the order in which they are best made: what measures time comes last.
var runs = []run{
	{
		name: "linearizability", args: "-v -run TestHistoriesAreLinearizable ./internal/verify/linear",
		long: []string{"HISTORIES=10000"},
	},
	{
		name: "scale", args: "-v -skip Constants ./internal/verify/scale",
		long: []string{"EVENTS=5000000"},
	},
	{ // CPU times: alone on the machine
		name: "scale constants", args: "-v -run Constants ./internal/verify/scale",
		long: []string{"EVENTS=5000000"},
	},
}
