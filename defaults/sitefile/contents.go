package sitefile

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"path"
)

// The files of a folder, and the member that names a record in each.
var (
	fileNames = [...]string{"sites.json", "customers.json", "clients.json"}
	idNames   = [...]string{"code", "id", "clientId"}
)

// sitesFile is the index of the one file that every folder must have, and whose values are not
// personal.
const sitesFile = 0

// contents are the files of one folder at one moment.
type contents struct {
	folder string
	files  [len(fileNames)]struct {
		data    []byte
		missing bool
		err     error
	}
}

// glance is the metadata of the files of a folder.
type glance [len(fileNames)]fs.FileInfo

// version tells contents apart. The zero version is none.
type version [sha256.Size]byte

var errNotRegular = errors.New("not a regular file")

// look describes the files of a folder without reading them.
func look(fsys fs.FS, folder string) (g glance) {
	for i, name := range fileNames {
		if info, err := fs.Stat(fsys, path.Join(folder, name)); err == nil {
			g[i] = info
		}
	}
	return g
}

// same reports whether nothing seems to have changed. It can be wrong: the same size written
// within one tick of the file system's clock, or with the time set back, looks the same.
func (g glance) same(other glance) bool {
	for i, a := range g {
		b := other[i]
		if a == nil && b == nil {
			continue
		}
		if a == nil || b == nil || a.Size() != b.Size() || !a.ModTime().Equal(b.ModTime()) || !os.SameFile(a, b) {
			return false
		}
	}
	return true
}

// readAll reads the files of a folder.
func readAll(fsys fs.FS, folder string) contents {
	c := contents{folder: folder}
	for i, name := range fileNames {
		file := &c.files[i]
		name = path.Join(folder, name)
		// A pipe or a device would block, or never end.
		info, err := fs.Stat(fsys, name)
		if err == nil && !info.Mode().IsRegular() {
			err = errNotRegular
		}
		if err == nil {
			file.data, err = fs.ReadFile(fsys, name)
		}
		if errors.Is(err, fs.ErrNotExist) {
			file.missing = true
		} else {
			file.err = err
		}
	}
	return c
}

// version is the same for the same contents, whatever the times of the files are.
func (c contents) version() (v version) {
	h := sha256.New()
	for _, file := range c.files {
		data, state := file.data, byte('+')
		switch {
		case file.missing:
			state = '-'
		case file.err != nil:
			data, state = []byte(file.err.Error()), '!'
		}
		h.Write(binary.BigEndian.AppendUint64([]byte{state}, uint64(len(data))))
		h.Write(data)
	}
	h.Sum(v[:0])
	return v
}

// lacks reports whether a file is missing that other contents had.
func (c contents) lacks(had [len(fileNames)]bool) bool {
	for i, file := range c.files {
		if had[i] && file.missing {
			return true
		}
	}
	return false
}

// has says which files there are.
func (c contents) has() (had [len(fileNames)]bool) {
	for i, file := range c.files {
		had[i] = !file.missing
	}
	return had
}

// unreadable are the mistakes of files that cannot be read at all.
func (c contents) unreadable() []*Mistake {
	var mistakes []*Mistake
	for i, file := range c.files {
		m := &Mistake{File: path.Join(c.folder, fileNames[i]), Record: -1}
		switch {
		case file.missing && i == sitesFile:
			m.Rule, m.cause = "must exist", fs.ErrNotExist
		case file.err != nil:
			m.Rule, m.cause = "must be readable: "+reason(file.err), file.err
		default:
			continue
		}
		mistakes = append(mistakes, m)
	}
	return mistakes
}

// reason is an error of the file system without the path, which the mistake has already.
func reason(err error) string {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err.Error()
	}
	return err.Error()
}
