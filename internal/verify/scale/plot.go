package scale

import (
	"fmt"
	"math"
	"strings"
)

// Line is one line of a Plot, named in its key.
type Line struct {
	Name string
	X, Y []float64
}

// Plot is a picture of lines over a logarithmic x axis.
type Plot struct {
	Title, X, Y string
	LogY        bool
	YMin, YMax  float64
	Mark        float64 // a horizontal line, if it is not 0
	Lines       []Line
}

const (
	width, height        = 760, 440
	left, right          = 70, 230
	top, bottom          = 40, 50
	innerWide, innerHigh = width - left - right, height - top - bottom
)

// Colours that are told apart by people who confuse some, too (Okabe and Ito).
var colours = []string{"#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000"}

// SVG draws p.
func (p Plot) SVG() string {
	xMin, xMax := math.Inf(1), math.Inf(-1)
	for _, l := range p.Lines {
		xMin, xMax = min(xMin, l.X[0]), max(xMax, l.X[len(l.X)-1])
	}
	x := func(v float64) float64 { return left + innerWide*math.Log(v/xMin)/math.Log(xMax/xMin) }
	y := func(v float64) float64 {
		if p.LogY {
			return top + innerHigh*(1-math.Log(max(v, p.YMin)/p.YMin)/math.Log(p.YMax/p.YMin))
		}
		return top + innerHigh*(1-(v-p.YMin)/(p.YMax-p.YMin))
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12">`+"\n", width, height)
	fmt.Fprintf(&b, `<rect width="%d" height="%d" fill="#fff"/>`+"\n", width, height)
	text := func(x, y float64, anchor, s string) {
		fmt.Fprintf(&b, `<text x="%.1f" y="%.1f" text-anchor="%s">%s</text>`+"\n", x, y, anchor, s)
	}
	line := func(x1, y1, x2, y2 float64, colour string) {
		fmt.Fprintf(&b, `<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" stroke="%s"/>`+"\n", x1, y1, x2, y2, colour)
	}
	text(left, 22, "start", p.Title)
	text(left+innerWide/2, height-12, "middle", p.X)
	fmt.Fprintf(&b, `<text transform="translate(18 %d) rotate(-90)" text-anchor="middle">%s</text>`+"\n", top+innerHigh/2, p.Y)
	for v := math.Pow(10, math.Ceil(math.Log10(xMin)-1e-9)); v <= xMax*1.001; v *= 10 {
		line(x(v), top, x(v), top+innerHigh, "#ddd")
		text(x(v), top+innerHigh+18, "middle", fmt.Sprintf("%g", v))
	}
	for i, v := 0, p.YMin; v <= p.YMax*1.001; i++ {
		line(left, y(v), left+innerWide, y(v), "#ddd")
		text(left-8, y(v)+4, "end", fmt.Sprintf("%.4g", v))
		if p.LogY {
			v *= 10
		} else {
			v = p.YMin + float64(i+1)*(p.YMax-p.YMin)/5
		}
	}
	if p.Mark != 0 {
		line(left, y(p.Mark), left+innerWide, y(p.Mark), "#333")
	}
	for i, l := range p.Lines {
		colour := colours[i%len(colours)]
		var points strings.Builder
		for j := range l.X {
			if v := l.Y[j]; v <= p.YMax {
				fmt.Fprintf(&points, "%.1f,%.1f ", x(l.X[j]), y(v))
			}
		}
		fmt.Fprintf(&b, `<polyline fill="none" stroke="%s" stroke-width="2" points="%s"/>`+"\n", colour, strings.TrimSpace(points.String()))
		at := float64(top + 10 + 20*i)
		fmt.Fprintf(&b, `<rect x="%d" y="%.1f" width="20" height="3" fill="%s"/>`+"\n", left+innerWide+12, at-1.5, colour)
		text(left+innerWide+38, at+4, "start", l.Name)
	}
	b.WriteString("</svg>\n")
	return b.String()
}
