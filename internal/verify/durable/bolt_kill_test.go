package durable

import (
	"bufio"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/internal/verify/evidence"
	"github.com/sessionctx/storefront/sessionctx/boltstore"
)

// TestBolt_KeepsEveryAnsweredWriteThroughKill9 kills a process at a random moment of its writing,
// ROUNDS times, and opens what it has left.
func TestBolt_KeepsEveryAnsweredWriteThroughKill9(t *testing.T) {
	rounds := evidence.Number(t, "ROUNDS", 8)
	path := filepath.Join(t.TempDir(), "sessions.db")
	acknowledged := make(map[string]int64)
	writes, ahead := 0, 0
	for round := range rounds {
		acks := kill(t, path, round, time.Duration(20+rand.IntN(260))*time.Millisecond)
		writes += len(acks)
		for _, a := range acks {
			acknowledged[a.id] = max(acknowledged[a.id], a.version)
		}
		before := maps.Clone(acknowledged)
		s, err := boltstore.Open(path)
		require.NoError(t, err, "round %d: what was killed cannot be opened", round)
		v := judge(s, acknowledged)
		require.NoError(t, s.Close())
		require.False(t, v.bad(), "round %d, after %d acknowledged writes: %s", round, writes, &v)
		for id, version := range acknowledged { // a write more than was acknowledged may be there for each who writes
			require.LessOrEqual(t, version, before[id]+2, "round %d: %s", round, id)
			ahead += int(version - before[id])
		}
	}
	require.Greater(t, writes, 20*rounds, "hardly anything was written")
	evidence.Table(t, "durability-bolt",
		[]string{"rounds of kill -9", "acknowledged writes", "sessions", "lost", "torn", "applied, and killed before the answer"},
		[]string{fmt.Sprint(rounds), fmt.Sprint(writes), fmt.Sprint(len(acknowledged)), "0", "0", fmt.Sprint(ahead)})
}

type ack struct {
	id      string
	version int64
}

// kill lets a process work for that long from its first report on, kills it, and returns what it
// has reported.
func kill(t *testing.T, path string, round int, after time.Duration) (acks []ack) {
	t.Helper()
	r, w, err := os.Pipe()
	require.NoError(t, err)
	defer r.Close()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestBoltWorker$")
	cmd.Env = append(os.Environ(), boltFile+"="+path, boltWrites+"=0", boltReport+"=/dev/fd/3", boltRound+"="+fmt.Sprint(round))
	cmd.ExtraFiles = []*os.File{w}
	require.NoError(t, cmd.Start())
	require.NoError(t, w.Close())
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		switch what, rest, _ := strings.Cut(lines.Text(), " "); what {
		case "O":
			time.AfterFunc(after, func() { _ = cmd.Process.Kill() })
		case "A":
			var a ack
			_, err := fmt.Sscan(rest, &a.id, &a.version)
			require.NoError(t, err)
			acks = append(acks, a)
		default:
			t.Errorf("a worker says: %s", lines.Text())
		}
	}
	require.NoError(t, lines.Err())
	require.ErrorContains(t, cmd.Wait(), "killed")
	return acks
}
