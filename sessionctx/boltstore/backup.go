package boltstore

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"go.etcd.io/bbolt"
)

// WriteTo implements io.WriterTo: it writes a copy of the file, as it was when the call began,
// while the Store goes on. Open opens such a copy. The copy holds the same secrets as the file.
//
// WriteTo first copies the file to a temporary one in the same folder, which needs as much room on
// the disk, and then feeds w from there. So a slow w, such as an upload, holds nothing up: while a
// transaction of bbolt is open for it, no page that a write frees can be used again, and the file
// grows with each write.
func (s *Store) WriteTo(w io.Writer) (n int64, err error) {
	f, err := os.CreateTemp(filepath.Dir(s.path), copyPrefix(s.path)+"*")
	if err != nil {
		return 0, fmt.Errorf("boltstore: copy: %w", err)
	}
	// Where an open file can be removed it is gone at once, so that a crash leaves no copy behind.
	_ = os.Remove(f.Name())
	defer func() {
		_ = f.Close()
		if removeErr := os.Remove(f.Name()); err == nil && removeErr != nil && !errors.Is(removeErr, fs.ErrNotExist) {
			err = fmt.Errorf("boltstore: copy: %w", removeErr)
		}
	}()
	err = s.view(func(tx *bbolt.Tx) error {
		_, err := tx.WriteTo(f)
		return err
	})
	if err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err == nil {
		n, err = io.Copy(w, f)
	}
	if err != nil {
		return n, fmt.Errorf("boltstore: copy: %w", err)
	}
	return n, nil
}

// copyPrefix is what the names of temporary copies of the file at path begin with.
func copyPrefix(path string) string { return "." + filepath.Base(path) + ".copy-" }

// removeCopies removes what a process that has crashed has left of its copies, as far as it can.
// The caller has locked the file, so that no other process makes one.
func removeCopies(path string) {
	dir := filepath.Dir(path)
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), copyPrefix(path)) {
			_ = os.Remove(filepath.Join(dir, e.Name()))
		}
	}
}
