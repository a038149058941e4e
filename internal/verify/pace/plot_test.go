package pace

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAPlotShowsAllThatIsInIt(t *testing.T) {
	at := func(ns float64) Spread { return Spread{ns, ns, ns, ns, ns} }
	svg := Plot{
		Title: "Cost & size", Size: "sites",
		Series: []Series{
			{"warm", []Point{{0, at(150)}, {1, at(150)}, {10_000, at(160)}}},
			{"cold", []Point{{0, at(900)}, {1, at(1100)}, {10_000, at(90_000)}}},
		},
	}.SVG()
	var texts []string
	d := xml.NewDecoder(strings.NewReader(svg))
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err, svg)
		if c, ok := token.(xml.CharData); ok {
			texts = append(texts, string(c))
		}
	}
	for _, want := range []string{"Cost & size", "sites", "warm", "cold", "0", "1", "10,000", "100 ns", "1 µs", "100 µs"} {
		assert.Contains(t, texts, want)
	}
	assert.Equal(t, 6, strings.Count(svg, "<circle"))
	assert.NotContains(t, svg, "NaN")
}

func TestAnAxisEndsAtMarksAroundItsValues(t *testing.T) {
	for _, tc := range []struct {
		desc      string
		low, high float64
		want      [2]float64
	}{
		{"within a decade", 120, 180, [2]float64{100, 200}},
		{"over decades", 90, 2100, [2]float64{50, 5000}},
		{"at the marks", 100, 200, [2]float64{100, 200}},
		{"one value", 150, 150, [2]float64{100, 200}},
		{"one value at a mark", 100, 100, [2]float64{100, 200}},
	} {
		bounds, marks := ticks(tc.low, tc.high)
		assert.InDeltaSlice(t, tc.want[:], bounds[:], 1e-6, tc.desc)
		assert.GreaterOrEqual(t, len(marks), 2, tc.desc)
	}
}

func TestNamesAtTheEndsOfLinesDoNotOverlap(t *testing.T) {
	assert.Equal(t, []float64{116, 100, 300}, apart([]float64{101, 100, 300}, 16))
}
