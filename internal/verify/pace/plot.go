package pace

import (
	"fmt"
	"html"
	"math"
	"slices"
	"strings"
)

// Plot is a picture of times that depend on a size. Sizes that follow each other are equally far apart, for they grow by a factor;
// the axis of the times is logarithmic.
type Plot struct {
	Title  string
	Size   string // what grows
	Series []Series
}

// Series is one line of a Plot.
type Series struct {
	Name   string
	Points []Point
}

// Point is the spread of a time, in nanoseconds, at one size.
type Point struct {
	Size int
	Time Spread
}

// The picture, in pixels. It has a light ground of its own, for the page that shows it may be dark.
const (
	width, height            = 720, 400
	left, right, top, bottom = 70, 180, 44, 52
)

// Colours that people with any kind of sight tell apart (Okabe and Ito), and a mark for each.
var colours = []string{"#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56606b"}

// SVG returns the picture. The lines go through the medians, the bars span the quartiles.
func (p Plot) SVG() string {
	var sizes []int
	low, high := math.Inf(1), math.Inf(-1)
	for _, s := range p.Series {
		for _, pt := range s.Points {
			sizes = append(sizes, pt.Size)
			low, high = min(low, pt.Time.Q1), max(high, pt.Time.Q3)
		}
	}
	slices.Sort(sizes)
	sizes = slices.Compact(sizes)
	bounds, marks := ticks(low, high)
	x := func(size int) float64 {
		i, _ := slices.BinarySearch(sizes, size)
		return left + (width-left-right)*(float64(i)+0.5)/float64(len(sizes))
	}
	y := func(time float64) float64 {
		share := math.Log(time/bounds[0]) / math.Log(bounds[1]/bounds[0])
		return height - bottom - (height-top-bottom)*share
	}

	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" `+
		`font-family="system-ui, sans-serif" font-size="12" fill="#1f2328" role="img">`+"\n", width, height, width, height)
	fmt.Fprintf(&b, `<title>%s</title>`+"\n", html.EscapeString(p.Title))
	fmt.Fprintf(&b, `<rect width="%d" height="%d" rx="6" fill="#ffffff"/>`+"\n", width, height)
	text := func(x, y float64, anchor, extra, s string) {
		fmt.Fprintf(&b, `<text x="%.1f" y="%.1f" text-anchor="%s"%s>%s</text>`+"\n", x, y, anchor, extra, html.EscapeString(s))
	}
	line := func(x1, y1, x2, y2 float64, stroke string, thick float64) {
		fmt.Fprintf(&b, `<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" stroke="%s" stroke-width="%.1f"/>`+"\n", x1, y1, x2, y2, stroke, thick)
	}
	text(left, 26, "start", ` font-size="15" font-weight="600"`, p.Title)
	for _, m := range marks {
		line(left, y(m), width-right, y(m), "#d8dee4", 1)
		text(left-8, y(m)+4, "end", "", mark(m))
	}
	line(left, height-bottom, width-right, height-bottom, "#57606a", 1)
	for _, size := range sizes {
		line(x(size), height-bottom, x(size), height-bottom+4, "#57606a", 1)
		text(x(size), height-bottom+18, "middle", "", grouped(size))
	}
	text((left+width-right)/2, height-12, "middle", "", p.Size)

	var ends []float64 // of the lines, for their names
	for i, s := range p.Series {
		colour := colours[i%len(colours)]
		var path []string
		for _, pt := range s.Points {
			px, py := x(pt.Size), y(pt.Time.Median)
			path = append(path, fmt.Sprintf("%.1f,%.1f", px, py))
			line(px, y(pt.Time.Q1), px, y(pt.Time.Q3), colour, 1.5)
			fmt.Fprintf(&b, `<circle cx="%.1f" cy="%.1f" r="3.5" fill="%s"/>`+"\n", px, py, colour)
		}
		fmt.Fprintf(&b, `<polyline points="%s" fill="none" stroke="%s" stroke-width="2"/>`+"\n", strings.Join(path, " "), colour)
		ends = append(ends, y(s.Points[len(s.Points)-1].Time.Median))
	}
	for i, place := range apart(ends, 16) {
		text(width-right+10, place+4, "start", fmt.Sprintf(` fill="%s" font-weight="600"`, colours[i%len(colours)]), p.Series[i].Name)
	}
	b.WriteString("</svg>\n")
	return b.String()
}

// ticks returns where an axis for values from low to high begins and ends, and the marks 1, 2 and 5 of each decade on it.
func ticks(low, high float64) (bounds [2]float64, marks []float64) {
	for decade := math.Pow(10, math.Floor(math.Log10(low))-1); decade <= 10*high; decade *= 10 {
		for _, m := range []float64{1, 2, 5} {
			marks = append(marks, m*decade)
		}
	}
	from, to := 0, len(marks)-1
	for marks[from+1] <= low {
		from++
	}
	for marks[to-1] >= high {
		to--
	}
	marks = marks[from : max(to, from+1)+1]
	return [2]float64{marks[0], marks[len(marks)-1]}, marks
}

// mark names a mark, which has one significant digit.
func mark(nanoseconds float64) string {
	figure, unit, _ := strings.Cut(Time(nanoseconds), " ")
	if strings.Contains(figure, ".") {
		figure = strings.TrimRight(strings.TrimRight(figure, "0"), ".")
	}
	return figure + " " + unit
}

// apart moves places away from each other until any two are that far apart, and keeps their order.
func apart(places []float64, least float64) []float64 {
	order := make([]int, len(places))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return int(math.Copysign(1, places[a]-places[b])) })
	moved := slices.Clone(places)
	for k := 1; k < len(order); k++ {
		moved[order[k]] = max(moved[order[k]], moved[order[k-1]]+least)
	}
	return moved
}

// grouped returns a number with its thousands apart.
func grouped(n int) string {
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return grouped(n/1000) + fmt.Sprintf(",%03d", n%1000)
}
