package scale_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/internal/verify/scale"
	"github.com/sessionctx/storefront/internal/verify/tables"
)

func stripes(n float64) func(*scale.Fleet) { return func(f *scale.Fleet) { f.Stripes = n } }

func cacheBytes(n float64) func(*scale.Fleet) { return func(f *scale.Fleet) { f.CacheBytes = n } }

// scenarios are the shops of docs/scale.md; first is the limit that they come to first, none if it is empty.
var scenarios = []struct {
	desc  string
	fleet scale.Fleet
	first string
}{
	{"small shop", shop(1, 1e4, 20), ""},
	{"shop with a spare", shop(2, 1e5, 200), ""},
	{"the same, any gets any", shop(2, 1e5, 200, random), ""},
	{"large shop", shop(10, 1e6, 2e3), ""},
	{"the same, any gets any", shop(10, 1e6, 2e3, random), ""},
	{"larger shop", shop(25, 5e6, 1e4), ""},
	{"the same, CacheBytes of 2 MiB: 2^14 stripes", shop(25, 5e6, 1e4, cacheBytes(2<<20)), "near-cache"},
	{"very large shop", shop(100, 2e7, 4e4), "fan-out"},
	{"the same, by key", shop(100, 2e7, 4e4, byKey), ""},
	{"the largest", shop(500, 1e8, 2e5), "fan-out"},
	{"the same, any gets any", shop(500, 1e8, 2e5, random), "fan-out"},
	{"the same, by key", shop(500, 1e8, 2e5, byKey), ""},
	{"its tenants in 20 groups: one of them", shop(25, 5e6, 1e4), ""},
	{"in 100 groups: one of them", shop(5, 1e6, 2e3), ""},
}

func TestTheFirstLimitIsWhereTheDocumentationSaysItIs(t *testing.T) {
	var rows [][]string
	for _, tc := range scenarios {
		t.Run(tc.desc, func(t *testing.T) {
			m, limits := scale.Model(tc.fleet, scale.Measured), scale.Limits(tc.fleet, scale.Measured)
			var over []string
			for _, l := range limits {
				if l.Load >= 1 {
					over = append(over, fmt.Sprintf("%s %.2gx", l.Name, l.Load))
				}
			}
			if tc.first == "" {
				assert.Empty(t, over)
				over = []string{fmt.Sprintf("none; nearest: %s %.2gx", limits[0].Name, limits[0].Load)}
			} else {
				assert.Equal(t, tc.first, limits[0].Name)
				assert.GreaterOrEqual(t, limits[0].Load, 1.0)
			}
			rows = append(rows, []string{
				tc.desc, fmt.Sprint(tc.fleet.Processes), number(tc.fleet.Sessions), number(tc.fleet.Requests), number(m.Writes),
				fmt.Sprintf("%.2f", m.Hit), number(m.Gets), number(m.Messages), fmt.Sprintf("%.2g + %.2g", m.CommandCPU, m.MessageCPU),
				fmt.Sprintf("%.2g", m.CPU), turn(m.Turn), size(m.Memory + m.TrackingMemory), size(m.Network) + "/s",
				fmt.Sprintf("%s, %.2g + %.2g", size(m.NearCache), m.ProcessCPU, m.CollectorCPU), strings.Join(over, ", "),
			})
		})
	}
	tables.Write(t, "scale-scenarios", []string{
		"fleet", "processes", "sessions", "requests/s", "writes/s", "hit ratio", "GETs/s", "messages/s", "Redis cores, commands + messages alone",
		"with messages of 50", "turn", "Redis memory", "network", "each process: near-cache, cores for messages + garbage", "over the limit",
	}, rows...)
}

func turn(seconds float64) string {
	if math.IsInf(seconds, 1) {
		return "no end"
	}
	return number(seconds*1e3) + " ms"
}

func size(bytes float64) string {
	for _, unit := range []struct {
		size float64
		name string
	}{{1 << 30, "GiB"}, {1 << 20, "MiB"}, {1 << 10, "KiB"}} {
		if bytes >= unit.size {
			return fmt.Sprintf("%.3g %s", bytes/unit.size, unit.name)
		}
	}
	return fmt.Sprintf("%.0f B", bytes)
}

func TestTrackingByKeySendsFewerMessagesFromAFewProcessesOn(t *testing.T) {
	var rows [][]string
	for _, tc := range []struct {
		desc  string
		route func(*scale.Fleet)
		from  int // processes
	}{
		{"sticky", sticky, 2},
		{"any gets any", random, 3},
	} {
		least := 0
		for _, n := range []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 25, 100, 500} {
			f := shop(n, 2e5*float64(n), 400*float64(n), tc.route)
			all := scale.Model(f, scale.Measured)
			byKey(&f)
			some := scale.Model(f, scale.Measured)
			if least == 0 && some.Messages < all.Messages {
				least = n
			}
			if n == 2 || n == 10 || n >= 25 {
				rows = append(rows, []string{
					tc.desc, fmt.Sprint(n), number(all.Messages), number(some.Messages), fmt.Sprintf("%.2g", all.MessageCPU),
					fmt.Sprintf("%.2g", some.MessageCPU), fmt.Sprintf("%.2f", all.Hit), fmt.Sprintf("%.2f", some.Hit), size(some.TrackingMemory),
				})
			}
		}
		assert.Equal(t, tc.from, least, tc.desc)
	}
	tables.Write(t, "scale-tracking", []string{
		"routing", "processes", "messages/s, broadcast", "by key", "Redis cores for them, alone, broadcast", "by key", "hit ratio, broadcast", "by key",
		"memory of the server for it, at most",
	}, rows...)
}

// TestWhatStopsAFleetThatGrows lets a fleet grow, each process with 400 requests/s and 200,000 sessions, until it comes to each limit.
func TestWhatStopsAFleetThatGrows(t *testing.T) {
	const most = 4000
	var header, first []string
	rows := make(map[string][]string)
	header = []string{"limit"}
	for _, way := range []struct {
		desc, first string
		edit        func(*scale.Fleet)
	}{
		{"sticky", "fan-out", sticky},
		{"any gets any", "near-cache", random},
		{"sticky, 2^14 stripes", "stripes", stripes(1 << 14)},
		{"sticky, by key", "Redis memory", byKey},
	} {
		header = append(header, way.desc)
		at := make(map[string]int)
		found := ""
		for n := 1; n <= most; n += 1 + n/50 {
			for _, l := range scale.Limits(shop(n, 2e5*float64(n), 400*float64(n), way.edit), scale.Measured) {
				if l.Load >= 1 && at[l.Name] == 0 {
					at[l.Name] = n
					if found == "" {
						found = l.Name
					}
				}
			}
		}
		assert.Equal(t, way.first, found, way.desc)
		for _, l := range scale.Limits(shop(1, 2e5, 400), scale.Measured) {
			cell := fmt.Sprintf("over %d", most)
			if n := at[l.Name]; n > 0 {
				cell = fmt.Sprintf("%d (%s writes/s)", n, number(scale.Model(shop(n, 2e5*float64(n), 400*float64(n), way.edit), scale.Measured).Writes))
			}
			if rows[l.Name] == nil {
				first = append(first, l.Name)
			}
			rows[l.Name] = append(rows[l.Name], cell)
		}
	}
	var table [][]string
	for _, name := range first {
		table = append(table, append([]string{name}, rows[name]...))
	}
	tables.Write(t, "scale-limits", header, table...)
}

// spread returns numbers from low to high, evenly on a logarithmic axis.
func spread(low, high float64) (x []float64) {
	const steps = 50
	for i := range steps + 1 {
		x = append(x, low*math.Pow(high/low, float64(i)/steps))
	}
	return x
}

func TestPlots(t *testing.T) {
	hits := scale.Plot{
		Title: "Near-cache hit ratio, 14 % of the requests write, 30 s between two of a visit", X: "writes per second, of the whole fleet",
		Y: "hit ratio", YMin: 0, YMax: 1,
	}
	for _, l := range []struct {
		name      string
		processes int
		edit      func(*scale.Fleet)
	}{
		{"1 process", 1, sticky},
		{"10 to 500 processes, sticky", 100, sticky},
		{"10 processes, any gets any", 10, random},
		{"500 processes, any gets any", 500, random},
		{"500, sticky, 2^14 stripes", 500, stripes(1 << 14)},
		{"500, sticky, by key", 500, byKey},
	} {
		line := scale.Line{Name: l.name}
		for _, r := range spread(10, 1e6) {
			m := scale.Model(shop(l.processes, 500*r, r, l.edit), scale.Measured)
			line.X, line.Y = append(line.X, m.Writes), append(line.Y, m.Hit)
		}
		hits.Lines = append(hits.Lines, line)
	}
	tables.Plot(t, "scale-hits", hits.SVG())

	cores := scale.Plot{
		Title: "The server's one core; each process serves 400 requests/s, sticky", X: "processes", Y: "cores", LogY: true,
		YMin: 1e-4, YMax: 100, Mark: 1,
		Lines: []scale.Line{{Name: "GETs, writes, heartbeats"}, {Name: "messages, each alone"}, {Name: "all, messages of 50"}, {Name: "all, tracking by key"}},
	}
	for _, n := range spread(1, 500) {
		n = math.Round(n)
		f := shop(int(n), 2e5*n, 400*n)
		m := scale.Model(f, scale.Measured)
		byKey(&f)
		for i, y := range []float64{m.CommandCPU, m.MessageCPU, m.CPU, scale.Model(f, scale.Measured).CPU} {
			cores.Lines[i].X, cores.Lines[i].Y = append(cores.Lines[i].X, n), append(cores.Lines[i].Y, y)
		}
	}
	tables.Plot(t, "scale-cpu", cores.SVG())
	for _, p := range []scale.Plot{hits, cores} {
		svg := p.SVG()
		require.Equal(t, len(p.Lines), strings.Count(svg, "<polyline"))
		require.NotContains(t, svg, "NaN")
	}
}
