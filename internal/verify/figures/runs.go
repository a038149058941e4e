package main

// runs are all that the pages show, in the order in which they are best made: what measures time comes last.
var runs = []run{
	{
		name: "linearizability", args: "-v -run TestHistoriesAreLinearizable ./internal/verify/linear",
		long: []string{"HISTORIES=10000"},
	},
}
