package pace

import (
	"fmt"
	"math"
	"slices"
	"time"
)

// Spread is where measured values lie.
type Spread struct{ Min, Q1, Median, Q3, Max float64 }

// SpreadOf returns the spread of the values, of which there must be one at least.
func SpreadOf(values []float64) Spread {
	sorted := slices.Sorted(slices.Values(values))
	return Spread{quantile(sorted, 0), quantile(sorted, 0.25), quantile(sorted, 0.5), quantile(sorted, 0.75), quantile(sorted, 1)}
}

// Quantile returns the value below which the share of the values lies; the median for 0.5.
func Quantile(values []float64, share float64) float64 {
	return quantile(slices.Sorted(slices.Values(values)), share)
}

// quantile takes what lies between two values from the line between them.
func quantile(sorted []float64, share float64) float64 {
	place := share * float64(len(sorted)-1)
	i := int(place)
	j := min(i+1, len(sorted)-1)
	return sorted[i] + (place-float64(i))*(sorted[j]-sorted[i])
}

// Quartiles returns the middle half as text.
func (s Spread) Quartiles() string { return Figure(s.Q1) + " to " + Figure(s.Q3) }

// Range returns all of it as text.
func (s Spread) Range() string { return Figure(s.Min) + " to " + Figure(s.Max) }

// Figure returns a number with three significant digits.
func Figure(x float64) string {
	if x == 0 || math.IsNaN(x) || math.IsInf(x, 0) {
		return fmt.Sprint(x)
	}
	digits := max(2-int(math.Floor(math.Log10(math.Abs(x)))), 0)
	return fmt.Sprintf("%.*f", digits, x)
}

// Time returns nanoseconds as text, with three significant digits.
func Time(nanoseconds float64) string {
	switch d := time.Duration(nanoseconds); {
	case d < time.Microsecond:
		return Figure(nanoseconds) + " ns"
	case d < time.Millisecond:
		return Figure(nanoseconds/1e3) + " µs"
	case d < time.Second:
		return Figure(nanoseconds/1e6) + " ms"
	}
	return Figure(nanoseconds/1e9) + " s"
}

// Count returns a number of things for each operation: what is next to a whole number is one.
func Count(x float64) string {
	if whole := math.Round(x); math.Abs(x-whole) < 0.05 || x >= 100 {
		return fmt.Sprintf("%.0f", math.Abs(whole))
	}
	return fmt.Sprintf("%.1f", x)
}
