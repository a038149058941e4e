package boltstore

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"github.com/sessionctx/storefront/sessionctx/store"
)

// lockTimeout is how long Open waits for the lock of another process: long enough for one that is
// ending.
const lockTimeout = time.Second

// roomToMap is how much is mapped from the beginning. A file that outgrows what is mapped is mapped
// again. For that bbolt waits until no transaction is open, not even that of a WriteTo, and lets no
// new one begin: reads and writes stand still. A mapping takes address space, no memory. 0 is the
// size of the file.
func roomToMap() int {
	room := int64(64 << 30)                                 // not a constant: it does not fit an int of 32 bits
	if strconv.IntSize == 32 || runtime.GOOS == "windows" { // where the file itself would grow
		return 0
	}
	return int(room)
}

// options of bbolt that differ from its defaults. The list of free pages is kept in the file:
// without it, bbolt reads the whole file in a goroutine of its own, where a panic ends the process.
func options() *bbolt.Options {
	return &bbolt.Options{
		Timeout:      lockTimeout,
		FreelistType: bbolt.FreelistMapType, // the default one gets slow with many free pages
		NoStatistics: true,                  // they take a lock at every read
	}
}

// Open opens the Store in the file at path. If there is no file Open makes it, readable for its
// owner alone. The folder must exist. A path that cannot be one of a Store is a *store.ConfigError.
//
// Open reads the whole file once, and refuses a file with damaged pages: a start that fails is
// better than sessions that get lost unseen. A record that is damaged inside of its page does not
// prevent Open; Stats counts it. A file that is in use, by another process or by another Store of
// this one, is refused after a second.
func Open(path string) (*Store, error) { return openWith(path, roomToMap()) }

func openWith(path string, room int) (*Store, error) {
	s, err := open(path, room)
	if config := (*store.ConfigError)(nil); errors.As(err, &config) {
		return nil, config
	}
	if err != nil {
		return nil, fmt.Errorf("boltstore: open %q: %w", path, err)
	}
	return s, nil
}

// badPath is an error for a path that is not one of a Store.
func badPath(path, rule string) error {
	return &store.ConfigError{Field: "boltstore.Open.path", Value: path, Rule: rule}
}

func open(path string, room int) (*Store, error) {
	if path == "" {
		return nil, badPath("", "must name a file")
	}
	if err := create(path); err != nil {
		return nil, err
	}
	found, err := inspect(path)
	if err != nil {
		return nil, err
	}
	s := &Store{
		path: path, damaged: found.damaged,
		writes: make(chan *write), closing: make(chan struct{}), ended: make(chan struct{}),
		reads: make(chan struct{}, maxReads),
	}
	s.records.Store(found.records)
	s.close = sync.OnceValue(s.closeOnce)
	o := options()
	o.InitialMmapSize = room
	o.OpenFile = keep(&s.file)
	s.db, err = openBolt(path, o)
	for errors.Is(err, syscall.ENOMEM) && o.InitialMmapSize > 0 { // the address space may be limited
		o.InitialMmapSize /= 4
		s.db, err = openBolt(path, o)
	}
	if err != nil {
		return nil, err
	}
	s.pageSize = int64(s.db.Info().PageSize)
	if !found.ours {
		if err := s.layOut(); err != nil {
			_ = guarded(s.db.Close)
			return nil, err
		}
	}
	removeCopies(path)
	go s.commitAll()
	return s, nil
}

func openBolt(path string, o *bbolt.Options) (db *bbolt.DB, err error) {
	err = guarded(func() error {
		db, err = bbolt.Open(path, 0o600, o)
		return err
	})
	switch {
	case errors.Is(err, berrors.ErrTimeout):
		return nil, errors.New("the file is in use by another process, or by another Store of this one")
	case errors.Is(err, berrors.ErrInvalid), errors.Is(err, berrors.ErrChecksum), errors.Is(err, berrors.ErrVersionMismatch),
		err != nil && strings.Contains(err.Error(), "file size too small"): // which has no name
		return nil, errNoMeta
	}
	return db, err
}

// layOut makes the buckets of an empty file.
func (s *Store) layOut() error {
	return guarded(func() error {
		return s.db.Update(func(tx *bbolt.Tx) error {
			for _, name := range [][]byte{recordsBucket, dueBucket} {
				if _, err := tx.CreateBucketIfNotExists(name); err != nil {
					return err
				}
			}
			about, err := tx.CreateBucketIfNotExists(aboutBucket)
			if err != nil {
				return err
			}
			return about.Put(formatKey, []byte(formatText))
		})
	})
}

// create makes the file if there is none. It makes it under another name first, so that a crash
// leaves no half of a file, and it brings the entry in the folder to the disk, which bbolt does not
// do.
func create(path string) error {
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	dir, name := filepath.Split(path)
	dir = filepath.Clean(dir)
	f, err := os.CreateTemp(dir, "."+name+".new-*")
	if errors.Is(err, fs.ErrNotExist) {
		return badPath(path, fmt.Sprintf("must be in a folder that exists, %q does not", dir))
	}
	if err != nil {
		return fmt.Errorf("a file in the folder %q cannot be made: %w", dir, errors.Unwrap(err)) // the caller does not know the name in err
	}
	defer os.Remove(f.Name())
	if err := f.Close(); err != nil {
		return err
	}
	db, err := openBolt(f.Name(), options())
	if err != nil {
		return err
	}
	err = (&Store{db: db}).layOut()
	if err := errors.Join(err, db.Close()); err != nil {
		return err
	}
	// A link never replaces what another process has made meanwhile. Where the file system has no
	// links bbolt makes the file.
	_ = os.Link(f.Name(), path)
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(filepath.Clean(dir))
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// inspect reads the file, under a lock that keeps writers out.
func inspect(path string) (found contents, err error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && info.Size() == 0 {
		return found, nil // bbolt makes it
	}
	if err == nil && !info.Mode().IsRegular() {
		err = badPath(path, "must be a regular file")
	}
	if err != nil {
		return found, err
	}
	var file *os.File
	o := options()
	o.ReadOnly = true
	o.OpenFile = keep(&file)
	db, err := openBolt(path, o)
	if err != nil {
		return found, err
	}
	found, err = check(path, file)
	return found, errors.Join(err, guarded(db.Close))
}

// keep opens a file for bbolt and keeps it too.
func keep(file **os.File) func(string, int, os.FileMode) (*os.File, error) {
	return func(name string, flag int, mode os.FileMode) (*os.File, error) {
		f, err := os.OpenFile(name, flag, mode)
		*file = f
		return f, err
	}
}

// closeOnce is Close.
func (s *Store) closeOnce() error {
	close(s.closing)
	<-s.ended
	if f := s.failed.Load(); f != nil && f.stuck {
		return fmt.Errorf("boltstore: close %q: the file stays locked until the process ends: %w", s.path, f.err)
	}
	err := errors.Join(s.failure(), s.seal())
	if err := errors.Join(err, guarded(s.db.Close)); err != nil {
		return fmt.Errorf("boltstore: close %q: %w", s.path, err)
	}
	return nil
}

// seal commits once more, without a change. bbolt writes its two meta pages in turn, so that now
// both describe all that was saved, and one of them may get damaged while the file is closed.
func (s *Store) seal() error {
	if s.failure() != nil {
		return nil
	}
	tx, err := s.beginWrite()
	if err != nil {
		return err
	}
	defer s.rollback(tx)
	return guarded(tx.Commit)
}
