package sitefile

import (
	"context"
	"crypto/sha256"
	"errors"
	"io/fs"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sessionctx/storefront/internal/tenants"
)

// A change is in force within 5 s. The next poll comes within 1 s. A change that does not show in
// size, time and identity of a file takes up to 3 s, since only every third poll reads each file. A
// change that takes something away takes 1 s more, because it counts only when two polls have seen
// it.
const (
	interval    = time.Second
	rereadEvery = 3
)

// folder is what polling knows of one tenant's folder.
type folder struct {
	tenant   *tenant // in force, or nil
	accepted version // of tenant
	files    [len(fileNames)]bool

	last  version // what the poll before saw
	shape glance
	gone  bool // the poll before did not see the folder

	refused  version // the version whose mistakes have been reported
	mistakes []*Mistake
}

// load takes everything as it is, for the first time.
func (f *Files) load() []*Mistake {
	names, mistakes := f.list()
	for _, name := range names {
		d := &folder{}
		f.folders[name] = d
		if m := invalidName(name); m != nil {
			mistakes = append(mistakes, m)
			continue
		}
		d.shape = look(f.fsys, name)
		c := readAll(f.fsys, name)
		t, wrong := decode(c)
		mistakes = append(mistakes, wrong...)
		d.last = c.version()
		d.accept(t, c, d.last)
		if len(wrong) == 0 {
			f.logAged(d, name)
		}
	}
	return mistakes
}

// poll looks for changes, puts them in force and tells the watchers. One goroutine at a time polls.
func (f *Files) poll() {
	f.polls++
	names, mistakes := f.list()
	if len(mistakes) > 0 {
		// A volume that is not mounted looks like an empty folder, so no tenant is removed.
		f.refuse(&f.whole, f.root, sha256.Sum256([]byte(mistakes[0].Rule)), mistakes)
		f.publish()
		return
	}
	f.mend(&f.whole, f.root)
	f.whole.last = version{}

	var changed []string
	for _, name := range names {
		d := f.folders[name]
		if d == nil {
			d = &folder{}
			f.folders[name] = d
		}
		d.gone = false
		if m := invalidName(name); m != nil {
			f.refuse(d, name, sha256.Sum256([]byte(m.Rule)), []*Mistake{m})
		} else if f.update(d, name) {
			changed = append(changed, name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(f.folders)) {
		d := f.folders[name]
		if _, there := slices.BinarySearch(names, name); there {
			continue
		}
		if !d.gone {
			d.gone = true
			continue
		}
		delete(f.folders, name)
		if d.tenant != nil {
			f.logger.LogAttrs(context.Background(), slog.LevelInfo, "sitefile: tenant removed", slog.String("tenant", name))
			changed = append(changed, name)
		}
	}
	f.publish()
	f.watchers.tell(changed)
}

// update takes over a new version of a folder, if there is one, and reports whether it did.
func (f *Files) update(d *folder, name string) bool {
	shape := look(f.fsys, name)
	decided := d.last == d.accepted || d.last == d.refused
	if decided && shape.same(d.shape) && f.polls%rereadEvery != 0 {
		return false
	}
	d.shape = shape
	c := readAll(f.fsys, name)
	v := c.version()
	settled := v == d.last
	if v == d.accepted && d.tenant != nil {
		d.last = v
		f.mend(d, name)
		return false
	}
	if v == d.refused {
		d.last = v
		return false
	}
	t, mistakes := decode(c)
	if len(mistakes) > 0 {
		f.refuse(d, name, v, mistakes)
		return false
	}
	d.last = v
	if c.lacks(d.files) && !settled {
		return false // an editor that moves the old file away before it writes the new one
	}
	d.accept(t, c, v)
	f.logger.LogAttrs(context.Background(), slog.LevelInfo, "sitefile: new version in force", slog.String("tenant", name),
		slog.Int("sites", len(t.sites)), slog.Int("customers", len(t.customers)), slog.Int("clients", len(t.clients)))
	f.logAged(d, name)
	return true
}

// logAged reports the codes of a version in force that are not current.
func (f *Files) logAged(d *folder, name string) {
	if len(d.tenant.aged) > 0 {
		f.logger.LogAttrs(context.Background(), slog.LevelWarn, "sitefile: codes that are not current", slog.String("tenant", name),
			slog.Int("count", len(d.tenant.aged)), mistakeGroup(d.tenant.aged))
	}
}

// mistakeGroup is what a log record shows of mistakes.
func mistakeGroup(mistakes []*Mistake) slog.Attr {
	const most = 10
	shown := make([]slog.Attr, 0, most)
	for i, m := range mistakes[:min(most, len(mistakes))] {
		shown = append(shown, slog.Any(strconv.Itoa(i), m))
	}
	return slog.Attr{Key: "mistakes", Value: slog.GroupValue(shown...)}
}

func (d *folder) accept(t *tenant, c contents, v version) {
	d.tenant, d.accepted, d.files = t, v, c.has()
	d.refused, d.mistakes = version{}, nil
}

// refuse reports a broken version when two polls in a row have seen it, so that a file that is just
// being written is not reported.
func (f *Files) refuse(d *folder, name string, v version, mistakes []*Mistake) {
	settled := v == d.last
	d.last = v
	if !settled || v == d.refused {
		return
	}
	d.refused, d.mistakes = v, mistakes
	f.logger.LogAttrs(context.Background(), slog.LevelError, "sitefile: new version refused, what was in force stays in force",
		slog.String("folder", name), slog.Int("count", len(mistakes)), mistakeGroup(mistakes))
}

// mend forgets a refused version after the one in force has come back.
func (f *Files) mend(d *folder, name string) {
	if d.refused == (version{}) {
		return
	}
	d.refused, d.mistakes = version{}, nil
	f.logger.LogAttrs(context.Background(), slog.LevelInfo, "sitefile: refused version withdrawn", slog.String("folder", name))
}

// publish puts what polling knows in force.
func (f *Files) publish() {
	s := &snapshot{tenants: make(map[string]*tenant, len(f.folders))}
	mistakes := slices.Clone(f.whole.mistakes)
	for _, name := range slices.Sorted(maps.Keys(f.folders)) {
		d := f.folders[name]
		if d.tenant != nil {
			s.tenants[name] = d.tenant
			s.aged = append(s.aged, d.tenant.aged...)
		}
		mistakes = append(mistakes, d.mistakes...)
	}
	s.err = join(mistakes)
	f.state.Store(s)
}

// list returns the names of the folders within the root, sorted.
func (f *Files) list() ([]string, []*Mistake) {
	wrong := func(rule string, cause error) []*Mistake {
		return []*Mistake{{File: f.root, Record: -1, Rule: rule, cause: cause}}
	}
	entries, err := fs.ReadDir(f.fsys, ".")
	if err != nil {
		return nil, wrong("must be a readable folder: "+reason(err), err)
	}
	var names []string
	for _, e := range entries {
		name := e.Name()
		if strings.HasPrefix(name, ".") || name == "lost+found" { // the latter is a file system's own
			continue
		}
		// Stat follows symbolic links, with which volumes are often mounted.
		info, err := fs.Stat(f.fsys, name)
		if errors.Is(err, fs.ErrNotExist) || err == nil && !info.IsDir() {
			continue
		}
		names = append(names, name)
	}
	if len(names) == 0 {
		return nil, wrong("must have a folder for each tenant, has none", nil)
	}
	return names, nil
}

// invalidName is the mistake of a folder whose name is no tenant, or nil.
func invalidName(name string) *Mistake {
	if tenants.Valid(name) {
		return nil
	}
	return &Mistake{File: label(name), Record: -1, Value: label(name),
		Rule: "must be named as a tenant: 3 to 16 lower-case letters and digits, a letter first"}
}
