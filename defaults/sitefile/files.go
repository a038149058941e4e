package sitefile

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/internal/tenants"
)

// Config is what [Open] needs besides the folder. The zero Config is usable.
type Config struct {
	_ [0]func()

	// Logger receives one record for each version of a tenant's files that comes into force after
	// Open, for each tenant that is removed and for each refused version that is withdrawn (level
	// info). It receives one for each version in force that has codes that are not current (level
	// warn), and one for each version that is refused (level error). Records carry no e-mail
	// address, no hash and no value of a customer. Default: slog.Default().
	Logger *slog.Logger
}

// Files are the sites, customers and clients of any number of tenants, read from a folder. They are
// a sessionctx.Directory and a sessionctx.DirectoryWatcher. Reading takes no lock and does no I/O.
// All methods are safe for concurrent use by multiple goroutines.
type Files struct {
	fsys     fs.FS
	root     string // what a mistake of the root itself is called
	logger   *slog.Logger
	state    atomic.Pointer[snapshot]
	watchers watchers

	// The state of the goroutine that polls. Nothing else touches it once that goroutine runs.
	folders map[string]*folder
	whole   folder // the root, which can be unusable too
	polls   int

	closing sync.Once
	stop    chan struct{}
	done    chan struct{}
}

// snapshot is what is in force: immutable.
type snapshot struct {
	tenants map[string]*tenant
	aged    []*Mistake
	err     error
}

// Open reads the folder dir, which holds one folder for each tenant, and follows its changes until
// Close. Any mistake in any file is an error: it joins a [*Mistake] for each, and nothing is
// served. A code that is well-formed but not current is no such mistake: see [Files.Warnings].
//
// Afterwards a changed, added or removed file or tenant folder is in force within 5 seconds. A
// broken new version of a tenant's files leaves the tenant's former ones in force, all of them: see
// [Files.Err]. A relative dir is taken from the working directory of the moment of the call.
func Open(dir string, cfg Config) (*Files, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("sitefile: folder %q: %w", dir, err)
	}
	logger := cfg.Logger
	if logger == nil {
		logger = slog.Default()
	}
	f, err := read(os.DirFS(abs), dir, logger)
	if err != nil {
		return nil, err
	}
	go f.follow()
	return f, nil
}

// FromFS reads a file system once, for example an embed.FS or an fstest.MapFS, in which there is
// one folder for each tenant. Use fs.Sub for a folder within one. Errors are those of [Open].
// Nothing is followed, so Close need not be called.
func FromFS(fsys fs.FS) (*Files, error) {
	f, err := read(fsys, ".", slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, err
	}
	close(f.done)
	return f, nil
}

// read is the first look, which accepts no mistake.
func read(fsys fs.FS, root string, logger *slog.Logger) (*Files, error) {
	f := &Files{
		fsys: fsys, root: root, logger: logger,
		folders: make(map[string]*folder),
		stop:    make(chan struct{}), done: make(chan struct{}),
	}
	if mistakes := f.load(); len(mistakes) > 0 {
		return nil, join(mistakes)
	}
	f.publish()
	return f, nil
}

// follow polls until Close.
func (f *Files) follow() {
	defer close(f.done)
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		select {
		case <-f.stop:
			return
		case <-ticker.C:
			f.poll()
		}
	}
}

// Close ends the following of changes, and returns when no goroutine and no call of a watcher is
// left. Called from within a watcher it does not wait. What is in force stays readable. It returns
// nil and may be called more than once.
func (f *Files) Close() error {
	f.closing.Do(func() {
		f.watchers.closed.Store(true)
		close(f.stop)
	})
	if !f.watchers.inside() {
		<-f.done
	}
	return nil
}

// Sites returns the sites of a tenant in the order of the file, in the form that
// [defaults.CompileSites] gives them. A site that cannot be used at present, and an inactive one,
// are as the file has them. An unknown tenant is sessionctx.ErrUnknownTenant. The result is shared:
// it must not be changed. The only other error is that of a context that has ended.
func (f *Files) Sites(ctx context.Context, tenant string) ([]defaults.Site, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("sitefile: sites of %q: %w", tenant, err)
	}
	t := f.state.Load().tenants[tenant]
	if t == nil {
		return nil, fmt.Errorf("sitefile: sites of %q: %w", tenant, tenants.ErrUnknown)
	}
	return t.sites, nil
}

// Customer returns what a customer prefers, as the file spells it: what cannot be used is rejected
// with a reason when a session is resolved. An unknown customer, or a customer of an unknown
// tenant, is the zero Customer. The result is shared: it must not be changed. The only error is
// that of a context that has ended.
func (f *Files) Customer(ctx context.Context, tenant, customerID string) (defaults.Customer, error) {
	if err := ctx.Err(); err != nil {
		return defaults.Customer{}, fmt.Errorf("sitefile: customer of %q: %w", tenant, err)
	}
	t := f.state.Load().tenants[tenant]
	if t == nil {
		return defaults.Customer{}, nil
	}
	return t.customers[customerID], nil
}

// Tenants returns the tenants that are in force, sorted. The copy is the caller's.
func (f *Files) Tenants() []string {
	s := f.state.Load()
	names := make([]string, 0, len(s.tenants))
	for name := range s.tenants {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Warnings returns the values of files in force that are not used, or are used although they should
// not be: codes of sites that are well-formed but not current, such as a currency that was
// withdrawn. The rule of each says what came of it. They keep no file from being in force: data
// ages while nobody touches it. The slice is shared: it must not be changed.
func (f *Files) Warnings() []*Mistake { return f.state.Load().aged }

// Err returns what keeps files from being in force, joined as by [Open], or nil if everything in
// the folder is. It is nil again once the mistakes are corrected or their files are gone.
func (f *Files) Err() error { return f.state.Load().err }

// join makes one error of mistakes.
func join(mistakes []*Mistake) error {
	errs := make([]error, len(mistakes))
	for i, m := range mistakes {
		errs[i] = m
	}
	return errors.Join(errs...)
}
