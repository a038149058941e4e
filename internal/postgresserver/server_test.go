package postgresserver_test

import (
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/internal/postgresserver"
)

func TestMain(m *testing.M) { os.Exit(postgresserver.Main(m)) }

func TestDatabase_IsNewForEachTest(t *testing.T) {
	ask := func(url, statement string) string {
		psql, err := exec.LookPath("psql")
		if err != nil {
			t.Skipf("NOT TESTED: there is no psql: %v", err)
		}
		out, err := exec.CommandContext(t.Context(), psql, url, "-qtAc", statement).CombinedOutput()
		require.NoError(t, err, "%s", out)
		return string(out)
	}
	first, second := postgresserver.Database(t), postgresserver.Database(t)
	ask(first, "create table orders (id int)")
	assert.Equal(t, "1\n", ask(first, "select count(*) from pg_tables where tablename = 'orders'"))
	assert.Equal(t, "0\n", ask(second, "select count(*) from pg_tables where tablename = 'orders'"))
	assert.Equal(t, ask(first, "show port"), ask(second, "show port"), "there is one server")
}

func TestStart_ServerAnswersAndIsItsOwn(t *testing.T) {
	first, second := postgresserver.Database(t), postgresserver.Start(t, "-c", "max_connections=20")
	assert.NotEqual(t, first, second)
	psql, err := exec.LookPath("psql")
	if err != nil {
		t.Skipf("NOT TESTED: there is no psql: %v", err)
	}
	out, err := exec.CommandContext(t.Context(), psql, second, "-qtAc", "show max_connections").CombinedOutput()
	require.NoError(t, err, "%s", out)
	assert.Equal(t, "20\n", string(out))
}
