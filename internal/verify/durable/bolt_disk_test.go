package durable

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/internal/verify/overlay"
)

// boltEIO names a file: while it is there it has the number of fsyncs that still succeed.
const boltEIO = "DURABLE_BOLT_EIO"

// watchedDisk returns an edit that lets the build use a bbolt that reports what it does to the disk, in the order in which it does it,
// into the log of TestBoltWorker: "W offset length" and the bytes, "T size" when the file is made longer, "S" after an fsync.
// changes are made to bbolt too.
func watchedDisk(t *testing.T, changes ...overlay.Edit) overlay.Edit {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "go.etcd.io/bbolt")
	cmd.Dir = filepath.Join(overlay.Root(t), "internal", "verify")
	out, err := cmd.Output()
	require.NoError(t, err)
	dir := filepath.Join(t.TempDir(), "bbolt")
	require.NoError(t, os.CopyFS(dir, os.DirFS(strings.TrimSpace(string(out)))))
	for _, e := range append(changes, []overlay.Edit{
		{File: "db.go", Old: "db.ops.writeAt = db.file.WriteAt", New: "db.ops.writeAt = db.watchedWriteAt"},
		{File: "db.go", Old: "db.file.Truncate(int64(sz))", New: "db.watchedTruncate(int64(sz))"},
		{File: "db.go", Old: "err := db.file.Sync()", New: "err := db.watchedSync(db.file.Sync)"},
		{File: "bolt_linux.go", Old: "return syscall.Fdatasync(int(db.file.Fd()))",
			New: "return db.watchedSync(func() error { return syscall.Fdatasync(int(db.file.Fd())) })"},
	}...) {
		name := filepath.Join(dir, e.File)
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		require.Equal(t, 1, bytes.Count(text, []byte(e.Old)), "bbolt has changed: %s: %s", e.File, e.Old)
		require.NoError(t, os.WriteFile(name, bytes.Replace(text, []byte(e.Old), []byte(e.New), 1), 0o600))
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, "watched.go"), []byte(watchedSource), 0o600))
	return overlay.Edit{File: "go.work", Old: "go 1.26.0\n", New: "go 1.26.0\n\nreplace go.etcd.io/bbolt => " + dir + "\n"}
}

// watchedSource is what bbolt gets besides. An fsync fails as boltEIO says.
const watchedSource = `package bbolt

import (
	"fmt"
	"os"
	"strconv"
	"syscall"
)

var watchedLog = func() *os.File {
	f, err := os.OpenFile(os.Getenv("` + boltLog + `"), os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return nil
	}
	return f
}()

func watched(b []byte) {
	if watchedLog == nil {
		return
	}
	if _, err := watchedLog.Write(b); err != nil {
		panic(err)
	}
}

func (db *DB) watchedWriteAt(b []byte, off int64) (int, error) {
	watched(append(fmt.Appendf(nil, "W %d %d\n", off, len(b)), b...))
	return db.file.WriteAt(b, off)
}

func (db *DB) watchedTruncate(size int64) error {
	watched(fmt.Appendf(nil, "T %d\n", size))
	return db.file.Truncate(size)
}

func (db *DB) watchedSync(sync func() error) error {
	if name := os.Getenv("` + boltEIO + `"); name != "" {
		if b, err := os.ReadFile(name); err == nil {
			n, _ := strconv.Atoi(string(b))
			if n == 0 {
				return syscall.EIO
			}
			if err := os.WriteFile(name, []byte(strconv.Itoa(n-1)), 0o600); err != nil {
				panic(err)
			}
		}
	}
	if err := sync(); err != nil {
		return err
	}
	watched([]byte("S\n"))
	return nil
}
`

// event is a line of the log.
type event struct {
	what byte   // W, T, S; O: Open has returned; A: a write was acknowledged; Z: the worker closes the store
	at   int64  // where, or the size
	data []byte // what was written
	ack  ack
}

func readLog(path string) (events []event, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r := bufio.NewReader(f)
	for {
		line, err := r.ReadString('\n')
		if errors.Is(err, io.EOF) && line == "" {
			return events, nil
		}
		if err != nil {
			return nil, err
		}
		e := event{what: line[0]}
		rest := strings.TrimSpace(line[1:])
		switch e.what {
		case 'W':
			var n int
			if _, err := fmt.Sscan(rest, &e.at, &n); err != nil {
				return nil, err
			}
			e.data = make([]byte, n)
			if _, err := io.ReadFull(r, e.data); err != nil {
				return nil, err
			}
		case 'T':
			if _, err := fmt.Sscan(rest, &e.at); err != nil {
				return nil, err
			}
		case 'A':
			if _, err := fmt.Sscan(rest, &e.ack.id, &e.ack.version); err != nil {
				return nil, err
			}
		case 'S', 'O', 'Z':
		default:
			return nil, fmt.Errorf("the worker says: %s", line)
		}
		events = append(events, e)
	}
}

// disk is the content of a file: data, and zeros up to its size.
type disk struct {
	data []byte
	size int64
}

func (d *disk) clone() *disk { return &disk{bytes.Clone(d.data), d.size} }

// apply does what an event does, of a write only the sectors that keep says, by their number in it.
func (d *disk) apply(e event, keep func(sector int) bool) {
	const sector = 512
	end := e.at + int64(len(e.data))
	d.size = max(d.size, end)
	if e.what != 'W' {
		return
	}
	if missing := end - int64(len(d.data)); missing > 0 {
		d.data = append(d.data, make([]byte, missing)...)
	}
	for from := 0; from < len(e.data); from += sector {
		if keep(from / sector) {
			copy(d.data[e.at+int64(from):], e.data[from:min(from+sector, len(e.data))])
		}
	}
}

func (d *disk) put(path string) error {
	if err := os.WriteFile(path, d.data, 0o600); err != nil {
		return err
	}
	return os.Truncate(path, d.size)
}
