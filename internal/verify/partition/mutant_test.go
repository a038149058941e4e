package partition

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/internal/redisserver"
	"github.com/sessionctx/storefront/internal/verify/overlay"
)

// TestAStoreThatMissesWhatWasToldBetweenTwoConnectionsIsConvicted shows that the test sees.
func TestAStoreThatMissesWhatWasToldBetweenTwoConnectionsIsConvicted(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the product once more")
	}
	redisserver.Start(t) // skips where there is none, as the mutant would
	binary := overlay.Build(t, "partition", overlay.Edit{
		File: "sessionctx/redisstore/listen.go",
		Old:  "\t\ts.sinks.lost() // what was told between the two connections\n",
		New:  "",
	})
	out, passed := overlay.Run(t, binary, "TestWhateverTheNetworkDoesThePromiseHolds", "FAULTS=nobody listens", "FAULT_FOR=2s")
	require.False(t, passed, "it survives, so the test is blind:\n%s", out)
	assert.Contains(t, out, "nobody listens on tracking: staler than the lease")
}
