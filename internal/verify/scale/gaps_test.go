package scale

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// TestTheClosedFormsAreTheIntegralsTheyStandFor holds the algebra to plain numerical integration.
func TestTheClosedFormsAreTheIntegralsTheyStandFor(t *testing.T) {
	f := Fleet{Sessions: 1e4, Processes: 3, Requests: 20, Pages: 10, Think: 30 * time.Second, Visits: 2}
	for _, g := range []gaps{f.gaps(0, 0), f.gaps(0.5, 0.25), f.gaps(0.99, 0.99)} {
		for _, end := range []float64{1, 30, 1000, 1e5} {
			const steps = 200_000
			var met, metUntil float64
			for i := range steps {
				met += g.density((float64(i)+0.5)*end/steps) * end / steps
				metUntil += met * end / steps
			}
			assert.InEpsilon(t, met, g.met(end), 1e-3, "%+v until %v", g, end)
			assert.InEpsilon(t, metUntil, g.metUntil(end), 1e-3, "%+v until %v", g, end)
			assert.InEpsilon(t, met, integral(g.density, end), 1e-3, "%+v until %v", g, end)
		}
	}
}

func TestAllOfAVisitIsMet(t *testing.T) {
	f := Fleet{Sessions: 1e4, Processes: 3, Requests: 20, Pages: 10, Think: 30 * time.Second, Visits: 2}
	// Of geometric numbers as many are still to come as there are on average, less one.
	assert.InEpsilon(t, f.Pages*f.Visits-1, f.gaps(1, 1).met(forever), 1e-9)
}
