package main

import (
	"cmp"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// table says what to make of the benchmarks of a run: rows, or else the medians of some metrics.
type table struct {
	name    string
	rows    []row
	metrics []string
}

// row compares a benchmark with another one of the same round: package.Name. A row of the table is
// written for each number of processors.
type row struct {
	ours, theirs string
	goal         float64 // at most so much of what theirs takes; 0: none
}

// measured are the metrics of a benchmark, by the name of the metric, a value for each round.
type measured map[string][]float64

// results are those of all benchmarks, by package.Name, and -N after it on N processors.
type results map[string]measured

var benchLine = regexp.MustCompile(`^Benchmark(\S+)\s+\d+\t(.*)$`)

// add takes what a round of go test -bench has printed.
func (rs results) add(out string) {
	pkg := ""
	for line := range strings.Lines(out) {
		line = strings.TrimSpace(line)
		if path, ok := strings.CutPrefix(line, "pkg: "); ok {
			pkg = path[strings.LastIndex(path, "/")+1:]
		}
		found := benchLine.FindStringSubmatch(line)
		if found == nil {
			continue
		}
		name := pkg + "." + found[1]
		if rs[name] == nil {
			rs[name] = measured{}
		}
		for metric := range strings.SplitSeq(found[2], "\t") {
			text, unit, _ := strings.Cut(strings.TrimSpace(metric), " ")
			if value, err := strconv.ParseFloat(text, 64); err == nil {
				rs[name][unit] = append(rs[name][unit], value)
			}
		}
	}
}

// markdown returns the text of a table, or an error that names what was not measured.
func (rs results) markdown(t table) (string, error) {
	var b strings.Builder
	line := func(cells ...string) { fmt.Fprintf(&b, "| %s |\n", strings.Join(cells, " | ")) }
	head := func(cells ...string) {
		line(cells...)
		fmt.Fprintf(&b, "|%s\n", strings.Repeat("---|", len(cells)))
	}
	if t.metrics != nil {
		head(append([]string{"benchmark"}, t.metrics...)...)
		for _, name := range rs.names("") {
			cells := []string{"`" + name + "`"}
			for _, metric := range t.metrics {
				cells = append(cells, figure(at(rs[name][metric], 0.5)))
			}
			if cells[1] != "-" {
				line(cells...)
			}
		}
		return b.String(), nil
	}
	head("ours", "processors", "ns", "beside", "ns", "ratio: median", "quartiles", "allocations: ours, theirs", "goal", "")
	for _, r := range t.rows {
		names := rs.names(r.ours)
		if len(names) == 0 {
			return "", fmt.Errorf("table %s: %s was not measured", t.name, r.ours)
		}
		for _, name := range names {
			processors := strings.TrimPrefix(name, r.ours)
			a, b := rs[name], rs[r.theirs+processors]
			var ratios []float64
			for i := range min(len(a["ns/op"]), len(b["ns/op"])) {
				ratios = append(ratios, a["ns/op"][i]/b["ns/op"][i])
			}
			if len(ratios) == 0 {
				return "", fmt.Errorf("table %s: %s was not measured beside %s", t.name, r.theirs, name)
			}
			goal, verdict := "", ""
			if median := at(ratios, 0.5); r.goal > 0 {
				if goal, verdict = "≤ "+figure(r.goal), "met"; median > r.goal {
					verdict = "**missed**"
				}
			}
			median := func(m measured, metric string) string { return figure(at(m[metric], 0.5)) }
			line("`"+r.ours+"`", cmp.Or(strings.TrimPrefix(processors, "-"), "1"), median(a, "ns/op"), "`"+r.theirs+"`", median(b, "ns/op"),
				figure(at(ratios, 0.5)), figure(at(ratios, 0.25))+" to "+figure(at(ratios, 0.75)),
				median(a, "allocs/op")+", "+median(b, "allocs/op"), goal, verdict)
		}
	}
	return b.String(), nil
}

// names returns those of the results that are benchmark, on any number of processors; "": all.
func (rs results) names(benchmark string) (names []string) {
	for name := range rs {
		suffix, ok := strings.CutPrefix(name, benchmark)
		if n, err := strconv.Atoi(suffix); benchmark == "" || ok && (suffix == "" || err == nil && n < 0) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// at returns a quantile of the values, interpolated linearly.
func at(values []float64, share float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(values))
	place := share * float64(len(sorted)-1)
	i := int(place)
	return sorted[i] + (place-float64(i))*(sorted[min(i+1, len(sorted)-1)]-sorted[i])
}

// figure returns a number with three significant digits.
func figure(x float64) string {
	switch {
	case math.IsNaN(x):
		return "-"
	case x == 0:
		return "0"
	}
	return strconv.FormatFloat(x, 'f', max(2-int(math.Floor(math.Log10(math.Abs(x)))), 0), 64)
}
