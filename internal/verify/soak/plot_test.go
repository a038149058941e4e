package soak

import (
	"fmt"
	"strings"
	"time"
)

const (
	plotWidth, plotHeight = 720, 150
	plotLeft, plotTop     = 60, 30
)

// plot draws live heap and goroutines over time, one above the other, in SVG.
func plot(samples []sample, length time.Duration) string {
	var b strings.Builder
	height := 2 * (plotHeight + 2*plotTop)
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12">`+"\n", plotWidth+2*plotLeft, height)
	fmt.Fprintf(&b, `<rect width="100%%" height="100%%" fill="white"/>`+"\n")
	for i, series := range []struct {
		title, color string
		of           func(sample) float64
	}{
		{"live heap, MiB", "#1565c0", func(s sample) float64 { return float64(s.heap) / (1 << 20) }},
		{"goroutines", "#2e7d32", func(s sample) float64 { return float64(s.goroutines) }},
	} {
		top := i*(plotHeight+2*plotTop) + plotTop
		most := 1.0
		for _, s := range samples {
			most = max(most, series.of(s))
		}
		var line strings.Builder
		for j, s := range samples {
			x := plotLeft + float64(plotWidth*j)/float64(max(1, len(samples)-1))
			fmt.Fprintf(&line, "%.1f,%.1f ", x, float64(top+plotHeight)-plotHeight*series.of(s)/most)
		}
		fmt.Fprintf(&b, `<text x="%d" y="%d">%s</text>`+"\n", plotLeft, top-10, series.title)
		fmt.Fprintf(&b, `<rect x="%d" y="%d" width="%d" height="%d" fill="none" stroke="#bbb"/>`+"\n", plotLeft, top, plotWidth, plotHeight)
		fmt.Fprintf(&b, `<text x="%d" y="%d" text-anchor="end">%.0f</text><text x="%d" y="%d" text-anchor="end">0</text>`+"\n",
			plotLeft-6, top+10, most, plotLeft-6, top+plotHeight)
		fmt.Fprintf(&b, `<text x="%d" y="%d" text-anchor="end">%v</text>`+"\n", plotLeft+plotWidth, top+plotHeight+16, length)
		fmt.Fprintf(&b, `<polyline fill="none" stroke="%s" stroke-width="1.5" points="%s"/>`+"\n", series.color, strings.TrimSpace(line.String()))
	}
	b.WriteString("</svg>\n")
	return b.String()
}
