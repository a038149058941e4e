package pace

import "fmt"

// Goal is what a comparison should show. The zero Goal asks for nothing.
type Goal struct {
	text    string
	ratio   float64
	mallocs float64 // of ours, 0: not looked at
}

// AtMost is the goal that ours takes no more than ratio of what the other takes.
func AtMost(ratio float64) Goal {
	return Goal{text: "ratio ≤ " + fmt.Sprintf("%.2f", ratio), ratio: ratio}
}

// TimesFaster is the goal that the other takes so many times as long as ours.
func TimesFaster(n int) Goal {
	return Goal{text: fmt.Sprintf("%d times faster (ratio ≤ %s)", n, Figure(1/float64(n))), ratio: 1 / float64(n)}
}

// Allocating adds to a goal that ours allocates no more often than that.
func (g Goal) Allocating(most int) Goal {
	g.text += fmt.Sprintf(", ≤ %d allocations", most)
	g.mallocs = float64(most)
	return g
}

// Text says what the goal is, empty for the zero Goal.
func (g Goal) Text() string { return g.text }

// Verdict says what came of it.
func (g Goal) Verdict(ratio, mallocs float64) string {
	switch {
	case g.text == "":
		return ""
	case ratio > g.ratio || g.mallocs > 0 && mallocs > g.mallocs+0.05:
		return "**missed**"
	}
	return "met"
}

// Header is that of the tables whose rows are made by Row.
var Header = []string{
	"what", "ours", "beside", "", "ratio: median", "quartiles", "all pairs", "allocations: ours, theirs", "bytes: ours, theirs", "goal", "",
}

// Row says in a table how ours compares with a way.
func (c Comparison) Row(what string, way int, g Goal) []string {
	ratio := c.Ratio(way)
	return []string{
		what, Time(c.Time(0).Median), c.names[way], Time(c.Time(way).Median),
		Figure(ratio.Median), ratio.Quartiles(), ratio.Range(),
		Count(c.Mallocs(0)) + ", " + Count(c.Mallocs(way)), Count(c.Bytes(0)) + ", " + Count(c.Bytes(way)),
		g.text, g.Verdict(ratio.Median, c.Mallocs(0)),
	}
}
