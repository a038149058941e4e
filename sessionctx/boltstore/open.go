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
	"time"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
)

// lockTimeout is how long Open waits for another process to let go of the file: long enough for one that is about to end.
const lockTimeout = time.Second

// roomToMap is mapped from the beginning: to grow beyond what is mapped a write has to wait for all reads, a copy by
// WriteTo included. It takes address space, not memory.
const roomToMap = 1 << 30

// options of bbolt that differ from its defaults. The list of free pages is kept in the file: without it, bbolt reads
// the whole file in a goroutine of its own, where a panic ends the process.
func options() *bbolt.Options {
	o := &bbolt.Options{
		Timeout:      lockTimeout,
		FreelistType: bbolt.FreelistMapType, // the default one gets slow with many free pages
		NoStatistics: true,                  // they take a lock at every read
	}
	if strconv.IntSize == 64 && runtime.GOOS != "windows" { // there the file itself would grow
		o.InitialMmapSize = roomToMap
	}
	return o
}

// Open opens the Store in the file at path, and makes the file, readable for its owner alone, if there is none. The folder must exist.
//
// It reads the whole file once, and refuses one whose pages are not as they were written: better a start that fails than
// sessions that are lost unseen. A record that was damaged inside of its page stops nothing; Stats counts it. A
// file that is in use, by another process or by another Store of this one, is refused after a second.
func Open(path string) (*Store, error) {
	s, err := open(path)
	if err != nil {
		return nil, fmt.Errorf("boltstore: open %q: %w", path, err)
	}
	return s, nil
}

func open(path string) (*Store, error) {
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
	}
	s.records.Store(found.records)
	s.close = sync.OnceValue(s.closeOnce)
	o := options()
	o.OpenFile = keep(&s.file)
	if s.db, err = openBolt(path, o); err != nil {
		return nil, err
	}
	s.pageSize = int64(s.db.Info().PageSize)
	if !found.ours {
		if err := s.layOut(); err != nil {
			_ = guarded(s.db.Close)
			return nil, err
		}
	}
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

// create makes the file if there is none: under another name first, so that no crash leaves half of one, and its entry in
// the folder is brought to the disk, which bbolt does not do.
func create(path string) error {
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	dir, name := filepath.Split(path)
	dir = filepath.Clean(dir)
	f, err := os.CreateTemp(dir, "."+name+".new-*")
	if err != nil {
		return fmt.Errorf("a file in the folder %q cannot be made: %w", dir, errors.Unwrap(err)) // the name in err is none that anybody knows
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
	// A link, for it never replaces what another process has made meanwhile. Where there are none bbolt makes the file
	// in its place.
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
		err = errors.New("it is no regular file")
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
	found, err = check(file)
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

// seal commits once more, without a change: bbolt writes its two meta pages in turn, so that now both speak of all that was
// saved, and while the file is closed either of them may get damaged.
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
