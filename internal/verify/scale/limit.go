package scale

import "slices"

// What the limits allow. They are assumptions about the machine of the server and about what a shop puts up with.
const (
	busy             = 0.7          // of a core, before waiting grows out of hand
	serverMemory     = 48 << 30     // bytes for keys, of a machine with 64 GiB
	serverNetwork    = 0.7 * 1.25e9 // bytes per second, of 10 Gbit/s
	serverClients    = 10_000       // Redis's default of maxclients
	processShare     = 0.1          // of a core of each process, for invalidations
	timeout          = 2.0          // seconds: sessionctx.Config.Timeout
	collateralBudget = 1.0          // invalidations by neighbours between two requests of a visit: of a sticky fleet's hits half are left
)

// Limit is something that a fleet can run into. Load is how much of it is used: 1 is all.
type Limit struct {
	Name string
	Load float64
}

// Limits returns what stops f, the most urgent first.
func Limits(f Fleet, c Constants) []Limit {
	m := Model(f, c)
	limits := []Limit{
		{"Redis CPU", m.CPU / busy},
		{"fan-out", m.MessageCPU / busy},
		{"stripes", m.Collateral * f.Think.Seconds() / collateralBudget},
		{"Redis memory", (m.Memory + m.TrackingMemory) / serverMemory},
		{"near-cache", f.distinct(f.Pages*f.Think.Seconds()) * (1 + f.Customers) / f.entries(c)},
		{"process CPU", m.ProcessCPU / processShare},
		{"network", m.Network / serverNetwork},
		{"connections", m.Connections / serverClients},
		{"herd", m.HerdWait / timeout},
	}
	slices.SortStableFunc(limits, func(a, b Limit) int {
		switch {
		case a.Load > b.Load:
			return -1
		case a.Load < b.Load:
			return 1
		}
		return 0
	})
	return limits
}
