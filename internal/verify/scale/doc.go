// Package scale says how far many processes that share one Redis primary can grow, and what stops them: a capacity model in plain
// formulas (Model), the constants that it needs, measured (Measured), and a simulation that draws requests and keeps caches
// (Simulate), which the formulas are held against. docs/scale.md is its page.
package scale
