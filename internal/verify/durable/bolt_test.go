package durable

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/internal/verify/evidence"
	"github.com/sessionctx/storefront/internal/verify/mutants"
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
		for _, e := range kill(t, path, 1+rand.IntN(10_000)) {
			if e.what == 'A' {
				writes++
				acknowledged[e.ack.id] = max(acknowledged[e.ack.id], e.ack.version)
			}
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
	require.NotZero(t, writes)
	evidence.Table(t, "durability-bolt",
		[]string{"rounds of kill -9", "acknowledged writes", "sessions", "lost", "torn", "applied, and killed before the answer"},
		[]string{fmt.Sprint(rounds), fmt.Sprint(writes), fmt.Sprint(len(acknowledged)), "0", "0", fmt.Sprint(ahead)})
}

// worker returns the process that works on a file, until it has made so many writes with each of
// its goroutines, or until it is killed. It reports into log.
func worker(t *testing.T, path, log string, writes int) *exec.Cmd {
	t.Helper()
	require.NoError(t, os.WriteFile(log, nil, 0o600))
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestBoltWorker$")
	cmd.Env = append(os.Environ(), boltFile+"="+path, boltReport+"="+log, boltWrites+"="+fmt.Sprint(writes))
	return cmd
}

// kill lets a process work until it has reported so many bytes, kills it, and returns what it has
// reported.
func kill(t *testing.T, path string, after int) []event {
	t.Helper()
	log := path + ".log"
	cmd := worker(t, path, log, 0)
	require.NoError(t, cmd.Start())
	for text := []byte(nil); len(text) < after && t.Context().Err() == nil; {
		evidence.Wait(t, time.Millisecond)
		text, _ = os.ReadFile(log)
	}
	require.NoError(t, cmd.Process.Kill())
	require.ErrorContains(t, cmd.Wait(), "killed")
	events, err := readLog(log)
	require.NoError(t, err)
	return events
}

// TestBolt_KeepsEveryAnsweredWriteThroughAPowerCut lets a process write, with everything that it
// does to the disk in a log. Then it cuts the power at points of the log: what an fsync has
// confirmed is on the disk; of what was written since, any sectors may be, in any order. Each such
// file must open with every write that was acknowledged before the cut, and whole.
func TestBolt_KeepsEveryAnsweredWriteThroughAPowerCut(t *testing.T) {
	if !watched(t) {
		return
	}
	cuts, seed := evidence.Number(t, "POWERCUTS", 300), uint64(evidence.Number(t, "SEED", 1))
	c := powerCuts(t, cuts, seed)
	require.False(t, c.verdict.bad(), "seed %d, %s: %s", seed, c.where, &c.verdict)
	require.GreaterOrEqual(t, c.files, cuts*9/10)
	evidence.Table(t, "torn-tail",
		[]string{"commits", "acknowledged writes", "moments of a power cut", "files left by them", "torn pages in them", "lost", "torn records"},
		[]string{
			fmt.Sprint(c.commits), fmt.Sprint(c.acknowledged), fmt.Sprint(c.moments), fmt.Sprint(c.files), fmt.Sprint(c.pages), "0", "0",
		})
}

// watched reports whether the test is to go on, because this binary has the bbolt that reports what
// it does. Otherwise the test is run in one that has it.
func watched(t *testing.T) bool {
	t.Helper()
	const here = "internal/verify/durable"
	if _, built := os.LookupEnv(mutants.Variable); built {
		return true
	}
	if testing.Short() {
		t.Skip("builds bbolt")
	}
	dir := mutants.Build(t, here)
	out, passed := mutants.Run(t, dir, here, t.Name(), nil, evidence.Variable+"="+os.Getenv(evidence.Variable))
	t.Log(out)
	require.True(t, passed)
	return false
}

// ramDisk returns a folder in memory, where there is one, for files whose fsyncs prove nothing.
func ramDisk(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "durable-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// cutting is what came of power cuts; it ends with the first bad verdict.
type cutting struct {
	commits, acknowledged, moments, files, pages int
	verdict                                      verdict
	where                                        string
}

// powerCuts runs a worker and cuts about so often.
func powerCuts(t *testing.T, cuts int, seed uint64) (c cutting) {
	t.Helper()
	dir := ramDisk(t)
	log := filepath.Join(dir, "log")
	cmd := worker(t, filepath.Join(dir, "sessions.db"), log, max(20, cuts/40))
	cmd.Env = append(cmd.Env, mutants.BoltLog+"="+log)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	events, err := readLog(log)
	require.NoError(t, err)
	begin := slices.IndexFunc(events, func(e event) bool { return e.what == 'O' })
	end := slices.IndexFunc(events, func(e event) bool { return e.what == 'Z' })
	require.True(t, begin >= 0 && end > begin)

	// A moment is right before an fsync confirms something: of all that was written until then any
	// part may be on the disk, and so what any earlier moment since the last fsync could leave.
	var moments []int
	for i := begin; i <= end; i++ {
		if what := events[i].what; what == 'S' || what == 'Z' {
			moments = append(moments, i)
		}
	}
	rnd := rand.New(rand.NewPCG(seed, 0))
	each := max(1, (cuts+len(moments)-1)/len(moments))
	confirmed := new(disk)
	var pending []event
	acknowledged := make(map[string]int64)
	for i, e := range events[:end+1] {
		if i >= begin && slices.Contains(moments, i) {
			c.moments++
			for n := range each {
				image, torn := cut(confirmed, pending, n, rnd)
				c.files, c.pages = c.files+1, c.pages+torn
				if c.verdict = inspect(t, filepath.Join(dir, "cut.db"), image, acknowledged); c.verdict.bad() {
					c.where = fmt.Sprintf("cut %d before event %d of %d, %c, with %d writes unconfirmed", n, i, end, e.what, len(pending))
					return c
				}
			}
		}
		switch e.what {
		case 'W', 'T':
			pending = append(pending, e)
			if e.what == 'W' && e.at < 2*4096 && i > begin {
				c.commits++
			}
		case 'S':
			for _, p := range pending {
				confirmed.apply(p, func(int) bool { return true })
			}
			pending = nil
		case 'A':
			c.acknowledged++
			acknowledged[e.ack.id] = max(acknowledged[e.ack.id], e.ack.version)
		}
	}
	return c
}

// cut returns a file that a power cut may leave, and how many of its pages are torn: without what
// is pending, with all of it, or with each write whole, missing, or in part.
func cut(confirmed *disk, pending []event, n int, rnd *rand.Rand) (image *disk, torn int) {
	image = confirmed.clone()
	for _, p := range pending {
		how := rnd.IntN(4)
		switch {
		case n == 0 || n > 1 && how == 0:
			continue
		case n == 1 || how == 1:
			image.apply(p, func(int) bool { return true })
		default:
			torn++
			image.apply(p, func(int) bool { return rnd.IntN(2) == 0 })
		}
	}
	return image, torn
}

// inspect opens what a power cut has left.
func inspect(t *testing.T, path string, image *disk, acknowledged map[string]int64) (v verdict) {
	t.Helper()
	require.NoError(t, image.put(path))
	s, err := boltstore.Open(path)
	if err != nil {
		v.torn = append(v.torn, err.Error())
		return v
	}
	v = judge(s, maps.Clone(acknowledged))
	require.NoError(t, s.Close())
	return v
}
