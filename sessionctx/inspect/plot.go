package inspect

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// A plot is drawn in units of one interval to the right, and of plotHeight from the top to the
// bottom. The page stretches it, and its labels are text of the page.
const plotHeight = 40

// plot is a picture of the window.
type plot struct {
	ID, Title, Unit string
	Now             string // the last value, or the sum of counts
	About           string // for screen readers
	Top, Middle     string // labels of the scale; the lowest is 0
	Message         string // in the place of a picture
	Series          []series
	Bars            bool
}

// series is one line, area or row of bars.
type series struct {
	Name, Color string
	Now         string // as plot.Now; empty: this is the only series
	Line, Area  string // paths; empty: none
	Values      string // for the readout, one for each interval, with '|' between
}

// measure is what a series shows: a value for each interval, and NaN where there is none.
type measure struct {
	name, color string
	value       func(*interval) float64
}

// picture says how a plot is made.
type picture struct {
	id, title, unit string
	shape           shape
	top             float64 // of the scale; 0: what the values need
	measures        []measure
}

// shape is how the values of a picture are drawn.
type shape int

const (
	lines shape = iota
	stacked
	bars // counts: each interval has its own
)

func rate(count func(*interval) int64) func(*interval) float64 {
	return func(i *interval) float64 { return float64(count(i)) / i.Seconds }
}

func number(count func(*interval) int64) func(*interval) float64 {
	return func(i *interval) float64 { return float64(count(i)) }
}

var pictures = []picture{
	{"requests", "Requests", "per second", stacked, 0, []measure{
		{"cached", "one", rate(func(i *interval) int64 { return i.Hits })},
		{"computed", "two", rate(func(i *interval) int64 { return i.Resolves - i.Hits })},
	}},
	{"ratio", "Hit ratio", "%", lines, 100, []measure{
		{"hits", "one", func(i *interval) float64 {
			if i.Resolves == 0 {
				return math.NaN()
			}
			return 100 * float64(i.Hits) / float64(i.Resolves)
		}},
	}},
	{"store", "Store", "calls per second", lines, 0, []measure{
		{"reads", "one", rate(func(i *interval) int64 { return i.Loads })},
		{"writes", "two", rate(func(i *interval) int64 { return i.Writes + i.Touches })},
	}},
	{"lease", "Lease", "seconds left", lines, 0, []measure{
		{"lease", "one", func(i *interval) float64 { return max(0, time.Duration(i.Lease).Seconds()) }},
	}},
	{"degraded", "Degraded answers", "per second", lines, 0, []measure{
		{"degraded", "bad", rate(func(i *interval) int64 { return i.Degraded })},
	}},
	{"conflicts", "Writes in trouble", "in ten minutes", bars, 0, []measure{
		{"conflicts", "two", number(func(i *interval) int64 { return i.Conflicts })},
		{"outcome unknown", "bad", number(func(i *interval) int64 { return i.Unknown })},
	}},
	{"directory", "Directory", "questions in ten minutes", bars, 0, []measure{
		{"questions", "one", number(func(i *interval) int64 { return i.DirectoryLoads })},
		{"unanswered", "bad", number(func(i *interval) int64 { return i.DirectoryErrors })},
	}},
	{"changes", "Changes reported", "reports in ten minutes", bars, 0, []measure{
		{"one record", "one", number(func(i *interval) int64 { return i.Invalidations })},
		{"everything", "bad", number(func(i *interval) int64 { return i.InvalidatedAll })},
	}},
}

// plotsOf draws the intervals as they are at now.
func plotsOf(all []interval, now time.Time) []plot {
	var plots []plot
	for i := range pictures {
		plots = append(plots, pictures[i].draw(all, now))
	}
	return plots
}

func (p *picture) draw(all []interval, now time.Time) plot {
	drawn := plot{ID: p.id, Title: p.title, Unit: p.unit, Bars: p.shape == bars}
	if p.id == "lease" && len(all) > 0 && all[len(all)-1].Lease.endless() {
		drawn.Now, drawn.Unit, drawn.Message = "∞", "no end", "It has no end: only this process writes to the store, or the store reports no changes (see MaxStale)."
		drawn.About = "Lease: it never ends."
		return drawn
	}
	values := make([][]float64, len(p.measures)) // by measure and interval
	heights := make([][]float64, len(p.measures))
	top := p.top
	var nows, abouts []string
	for m := range p.measures {
		last, sum, highest := math.NaN(), 0.0, math.NaN()
		for i := range all {
			v := p.measures[m].value(&all[i])
			h := v
			if p.shape == stacked && m > 0 {
				h += heights[m-1][i]
			}
			values[m], heights[m] = append(values[m], v), append(heights[m], h)
			last = v
			if !math.IsNaN(v) {
				sum += v
				if math.IsNaN(highest) || v > highest {
					highest = v
				}
			}
			if p.top == 0 && h > top {
				top = h
			}
		}
		if p.shape == bars {
			nows = append(nows, text(sum))
			abouts = append(abouts, fmt.Sprintf("%s: %s", p.measures[m].name, text(sum)))
		} else {
			nows = append(nows, text(last))
			abouts = append(abouts, fmt.Sprintf("%s: now %s, at most %s", p.measures[m].name, text(last), text(highest)))
		}
	}
	if top = roundUp(top); p.shape == bars {
		top = max(top, 2) // so that the middle is a count, too
	}
	drawn.Top, drawn.Middle = text(top), text(top/2)
	drawn.Now = nows[0]
	if n := len(all); p.shape == stacked && n > 0 {
		drawn.Now = text(heights[len(heights)-1][n-1])
	}
	drawn.About = fmt.Sprintf("%s, %s. %s.", p.title, p.unit, strings.Join(abouts, "; "))
	for m := range p.measures {
		s := series{Name: p.measures[m].name, Color: p.measures[m].color}
		if len(p.measures) > 1 {
			s.Now = nows[m]
		}
		var readout []string
		for i := range all {
			readout = append(readout, text(values[m][i]))
		}
		s.Values = strings.Join(readout, "|")
		var below []float64
		if p.shape == stacked && m > 0 {
			below = heights[m-1]
		}
		s.Line, s.Area = paths(all, heights[m], below, top, now, p.shape == bars)
		drawn.Series = append(drawn.Series, s)
	}
	return drawn
}

// paths draws values. below is what an area stands on; nil: on zero.
func paths(all []interval, values, below []float64, top float64, now time.Time, asBars bool) (line, area string) {
	var l, a strings.Builder
	y := func(v float64) float64 { return plotHeight * (1 - min(v/top, 1)) }
	type point struct{ x, y, base float64 }
	var run []point
	flush := func() {
		if len(run) > 0 {
			for i, p := range run {
				verb := "L"
				if i == 0 {
					verb = "M"
				}
				fmt.Fprintf(&l, "%s%s %s", verb, short(p.x), short(p.y))
				fmt.Fprintf(&a, "%s%s %s", verb, short(p.x), short(p.y))
			}
			for i := len(run) - 1; i >= 0; i-- {
				fmt.Fprintf(&a, "L%s %s", short(run[i].x), short(run[i].base))
			}
			a.WriteByte('Z')
		}
		run = run[:0]
	}
	for i := range all {
		v, from, to := values[i], left(&all[i], now), right(&all[i], now)
		switch {
		case math.IsNaN(v) || to <= 0:
			flush()
		case asBars:
			if v > 0 {
				fmt.Fprintf(&a, "M%s %dV%sH%sV%dZ", short(from+.1), plotHeight, short(y(v)), short(to-.1), plotHeight)
			}
		default:
			base := 0.0
			if below != nil {
				base = below[i]
			}
			if len(run) == 0 {
				run = append(run, point{from, y(v), y(base)})
			}
			run = append(run, point{to, y(v), y(base)})
		}
	}
	flush()
	return l.String(), a.String()
}

// right is where an interval ends, and left where it begins.
func right(i *interval, now time.Time) float64 {
	return max(0, intervals-now.Sub(i.At).Seconds()/every.Seconds())
}

func left(i *interval, now time.Time) float64 {
	return max(0, intervals-(now.Sub(i.At).Seconds()+i.Seconds)/every.Seconds())
}

// roundUp returns the top of a scale: a round number that is at least v, and whose half is round,
// too. From 2 on both are whole numbers.
func roundUp(v float64) float64 {
	if v <= 0 {
		return 1
	}
	power := math.Pow(10, math.Floor(math.Log10(v)))
	for _, step := range []float64{1, 2, 4, 6, 8} {
		if top := step * power; top >= v {
			return top
		}
	}
	return 10 * power
}

// short writes a coordinate.
func short(v float64) string { return strconv.FormatFloat(math.Round(v*100)/100, 'f', -1, 64) }

// text writes a value for people.
func text(v float64) string {
	switch {
	case math.IsNaN(v):
		return "–"
	case v == math.Trunc(v) && v < 1000:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case v < .1:
		return strconv.FormatFloat(v, 'g', 1, 64)
	case v < 10:
		return strconv.FormatFloat(v, 'f', 1, 64)
	}
	return grouped(int64(math.Round(v)))
}

// grouped writes a count with a narrow space before each three digits.
func grouped(n int64) string {
	digits := strconv.FormatInt(n, 10)
	var b strings.Builder
	for i, d := range digits {
		if i > 0 && digits[i-1] != '-' && (len(digits)-i)%3 == 0 {
			b.WriteRune('\u202f')
		}
		b.WriteRune(d)
	}
	return b.String()
}

// cell is a part of a strip: a time in which one thing did not change.
type cell struct {
	X, Width string
	Level    string // good, warn or bad
}

// strip draws the level of one thing over time, and says for how long the level was not good.
func strip(all []interval, now time.Time, level func(*interval) string) (cells []cell, trouble time.Duration) {
	type span struct {
		from, to float64
		level    string
	}
	var spans []span
	for i := range all {
		from, to, is := left(&all[i], now), right(&all[i], now), level(&all[i])
		if to <= 0 {
			continue
		}
		if is != good {
			trouble += time.Duration(all[i].Seconds * float64(time.Second))
		}
		if n := len(spans); n > 0 && spans[n-1].level == is && from-spans[n-1].to < .01 {
			spans[n-1].to = to
			continue
		}
		spans = append(spans, span{from, to, is})
	}
	for _, s := range spans {
		cells = append(cells, cell{short(s.from), short(s.to - s.from), s.level})
	}
	return cells, trouble
}
