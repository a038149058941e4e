package postgresserver_test

import (
	"os/exec"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/internal/postgresserver"
)

func TestStart_ServerAnswersAndIsItsOwn(t *testing.T) {
	first, second := postgresserver.Start(t), postgresserver.Start(t, "-c", "max_connections=20")
	assert.NotEqual(t, first, second)
	psql, err := exec.LookPath("psql")
	if err != nil {
		t.Skipf("NOT TESTED: there is no psql: %v", err)
	}
	out, err := exec.CommandContext(t.Context(), psql, second, "-qtAc", "show max_connections").CombinedOutput()
	require.NoError(t, err, "%s", out)
	assert.Equal(t, "20\n", string(out))
}
