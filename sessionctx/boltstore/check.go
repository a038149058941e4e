package boltstore

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"os"
)

// What bbolt's pages look like: a header, then for each entry an element, then the data of the
// entries one after the other, without gaps. Numbers are in the machine's byte order.
const (
	headerSize  = 16 // page id: 8, flags: 2, number of entries: 2, pages that it goes on for: 4
	elementSize = 16 // branch: position, key length, page id: 8; leaf: flags, position, key length, value length; 4 each
	metaSize    = 64

	branchPage   = 0x01
	leafPage     = 0x02
	metaPage     = 0x04
	freelistPage = 0x10

	bucketEntry  = 0x01 // flag of a leaf's entry
	bucketHeader = 16   // root page: 8, sequence: 8

	metaMagic   = 0xED0CDAED
	metaVersion = 2
	noFreelist  = ^uint64(0)
	manyFree    = 0xFFFF // a count that does not fit: the first entry is the real one
)

var order = binary.NativeEndian

// contents is what check has found in a file.
type contents struct {
	ours             bool
	records, damaged int64
}

// check reads the whole file, and returns an error if its pages are not as bbolt has written them.
// bbolt itself does not look: a page has no checksum, and a damaged one makes it panic, or recurse
// without end, or find nothing where there is something.
func check(path string, file *os.File) (found contents, err error) {
	info, err := file.Stat()
	if err != nil {
		return found, err
	}
	m, err := newestMeta(file, info.Size())
	if err != nil {
		return found, err
	}
	if there := uint64(info.Size() / m.pageSize); there < m.pages {
		return found, fmt.Errorf("%w: it was cut: of %d pages it has %d", errDamaged, m.pages, there)
	}
	c := checker{file: file, pageSize: m.pageSize, seen: make([]bool, m.pages)}
	c.seen[0], c.seen[1] = true, true
	var format []byte
	names := 0
	err = c.tree(m.root, span{}, func(name, value []byte, flags uint32) error {
		names++
		if flags != bucketEntry {
			return errors.New("an entry outside of all buckets")
		}
		return c.bucket(value, func(key, value []byte, flags uint32) error {
			switch {
			case flags != 0:
				return errors.New("a bucket in a bucket")
			case bytes.Equal(name, recordsBucket):
				found.records++
				if !intact(key, value) {
					found.damaged++
				}
			case bytes.Equal(name, aboutBucket) && bytes.Equal(key, formatKey):
				format = bytes.Clone(value)
			}
			return nil
		})
	})
	if err == nil {
		err = c.freelist(m.freelist)
	}
	if err == nil {
		err = c.all()
	}
	switch {
	case err != nil:
		return found, fmt.Errorf("%w: %w", errDamaged, err)
	case names == 0: // a file that bbolt has just made
	case format == nil:
		return found, badPath(path, "must be a file of this package: it is a bbolt file of something else")
	case string(format) != formatText:
		return found, fmt.Errorf("it has the format %q, this program knows %q: was it written by a newer version?", format, formatText)
	default:
		found.ours = true
	}
	return found, nil
}

var errNoMeta = fmt.Errorf("%w, or is no bbolt file: neither of its two meta pages is whole", errDamaged)

// meta is one of the two pages at the front: the state after a transaction.
type meta struct {
	pageSize                  int64
	root, freelist, pages, tx uint64
}

// newestMeta returns the newer of the metas that are whole.
func newestMeta(file io.ReaderAt, size int64) (m meta, err error) {
	offsets := []int64{0}
	for at := int64(1 << 10); at <= 16<<20; at <<= 1 { // where the second one is depends on the size of a page
		offsets = append(offsets, at)
	}
	found := false
	for i, at := range offsets {
		next, ok := readMeta(file, at)
		if !ok || i > 0 && next.pageSize != at {
			continue
		}
		if !found || next.tx > m.tx {
			m, found = next, true
		}
	}
	if !found {
		return m, errNoMeta
	}
	return m, nil
}

func readMeta(file io.ReaderAt, at int64) (m meta, ok bool) {
	var b [headerSize + metaSize]byte
	if _, err := file.ReadAt(b[:], at); err != nil || order.Uint16(b[8:]) != metaPage {
		return m, false
	}
	x := b[headerSize:]
	sum := fnv.New64a()
	sum.Write(x[:56])
	m = meta{
		pageSize: int64(order.Uint32(x[8:])),
		root:     order.Uint64(x[16:]), freelist: order.Uint64(x[32:]), pages: order.Uint64(x[40:]), tx: order.Uint64(x[48:]),
	}
	return m, m.pageSize >= 1<<10 && order.Uint32(x) == metaMagic && order.Uint32(x[4:]) == metaVersion && order.Uint64(x[56:]) == sum.Sum64()
}

// sound checks what a transaction of bbolt that writes uses without a check: the meta pages, and
// the header of the list of free pages. If these are damaged, bbolt may go through four billion
// pages, or panic with its locks held.
func sound(file io.ReaderAt, pageSize int64) error {
	m, ok := readMeta(file, 0)
	if second, okToo := readMeta(file, pageSize); okToo && (!ok || second.tx > m.tx) {
		m, ok = second, true
	}
	if !ok {
		return errNoMeta
	}
	var b [headerSize]byte
	if _, err := file.ReadAt(b[:], int64(m.freelist)*pageSize); err != nil {
		return fmt.Errorf("%w: the list of free pages: %w", errDamaged, err)
	}
	if order.Uint64(b[:]) != m.freelist || order.Uint16(b[8:]) != freelistPage || m.freelist+uint64(order.Uint32(b[12:])) >= m.pages {
		return fmt.Errorf("%w: page %d is not the list of free pages that it was", errDamaged, m.freelist)
	}
	return nil
}

// checker goes through the pages of one state of a file.
type checker struct {
	file     io.ReaderAt
	pageSize int64
	seen     []bool
}

// take marks a page as used, which it may be once.
func (c *checker) take(id uint64) error {
	switch {
	case id >= uint64(len(c.seen)):
		return fmt.Errorf("page %d: there are only %d", id, len(c.seen))
	case c.seen[id]:
		return fmt.Errorf("page %d is used twice", id)
	}
	c.seen[id] = true
	return nil
}

// page reads a page, with those that it goes on for.
func (c *checker) page(id uint64) ([]byte, error) {
	if err := c.take(id); err != nil {
		return nil, err
	}
	b := make([]byte, c.pageSize)
	if _, err := c.file.ReadAt(b, int64(id)*c.pageSize); err != nil {
		return nil, fmt.Errorf("page %d: %w", id, err)
	}
	if order.Uint64(b) != id {
		return nil, fmt.Errorf("page %d says that it is page %d", id, order.Uint64(b))
	}
	more := uint64(order.Uint32(b[12:]))
	for i := range more {
		if err := c.take(id + 1 + i); err != nil {
			return nil, err
		}
	}
	if more > 0 {
		b = append(b, make([]byte, int64(more)*c.pageSize)...)
		if _, err := c.file.ReadAt(b[c.pageSize:], int64(id+1)*c.pageSize); err != nil {
			return nil, fmt.Errorf("page %d: %w", id, err)
		}
	}
	return b, nil
}

// span is the keys that may be in a page: from low on, and below high; nil is no bound.
type span struct{ low, high []byte }

type visitor func(key, value []byte, flags uint32) error

// tree goes through the pages from id down.
func (c *checker) tree(id uint64, s span, visit visitor) error {
	b, err := c.page(id)
	if err != nil {
		return err
	}
	if err := c.entries(b, s, visit); err != nil {
		return fmt.Errorf("page %d: %w", id, err)
	}
	return nil
}

// bucket goes through a bucket. A large bucket has pages of its own, a small one (bbolt's inline
// bucket) has its only page in its value.
func (c *checker) bucket(value []byte, visit visitor) error {
	if len(value) < bucketHeader {
		return errors.New("half a bucket")
	}
	if root := order.Uint64(value); root != 0 {
		return c.tree(root, span{}, visit)
	}
	b := value[bucketHeader:]
	if len(b) < headerSize || order.Uint16(b[8:]) != leafPage || order.Uint64(b) != 0 || order.Uint32(b[12:]) != 0 {
		return errors.New("a small bucket without its page")
	}
	return c.entries(b, span{}, visit)
}

// entries goes through the entries of a page, and the pages below it.
func (c *checker) entries(b []byte, s span, visit visitor) error {
	kind, n := order.Uint16(b[8:]), int(order.Uint16(b[10:]))
	if kind != leafPage && (kind != branchPage || n == 0) {
		return fmt.Errorf("kind %#x with %d entries", kind, n)
	}
	end := headerSize + n*elementSize // of the data so far
	if end > len(b) {
		return fmt.Errorf("no room for %d entries", n)
	}
	type child struct {
		id  uint64
		key []byte
	}
	var children []child
	last := s.low
	for i := range n {
		at := headerSize + i*elementSize
		e := b[at : at+elementSize]
		flags, pos, keySize, valueSize := order.Uint32(e), order.Uint32(e[4:]), order.Uint32(e[8:]), order.Uint32(e[12:])
		if kind == branchPage {
			flags, pos, keySize, valueSize = 0, order.Uint32(e), order.Uint32(e[4:]), 0
		}
		if int64(at)+int64(pos) != int64(end) || keySize == 0 || int64(end)+int64(keySize)+int64(valueSize) > int64(len(b)) {
			return fmt.Errorf("entry %d is not where it belongs", i)
		}
		key := b[end : end+int(keySize)]
		value := b[end+int(keySize) : end+int(keySize)+int(valueSize)]
		end += int(keySize) + int(valueSize)
		if before := bytes.Compare(last, key); before > 0 || before == 0 && i > 0 || s.high != nil && bytes.Compare(key, s.high) >= 0 {
			return fmt.Errorf("entry %d is out of order", i)
		}
		last = key
		if kind == branchPage {
			children = append(children, child{order.Uint64(e[8:]), key})
			continue
		}
		if err := visit(key, value, flags); err != nil {
			return err
		}
	}
	// bbolt writes pages from zeroed memory. If damage has made the count smaller, the entries that
	// it does not count any more are still there.
	if len(bytes.TrimLeft(b[end:], "\x00")) > 0 {
		return fmt.Errorf("there is something behind the last of %d entries", n)
	}
	for i, x := range children {
		below := span{x.key, s.high}
		if i+1 < len(children) {
			below.high = children[i+1].key
		}
		if err := c.tree(x.id, below, visit); err != nil {
			return err
		}
	}
	return nil
}

// freelist reads the list of free pages.
func (c *checker) freelist(id uint64) error {
	if id == noFreelist {
		return errors.New("it has no list of free pages")
	}
	b, err := c.page(id)
	if err != nil {
		return err
	}
	kind, n := order.Uint16(b[8:]), uint64(order.Uint16(b[10:]))
	ids := b[headerSize:]
	if n == manyFree {
		n, ids = order.Uint64(ids), ids[8:]
	}
	if kind != freelistPage || n > uint64(len(ids)/8) {
		return fmt.Errorf("page %d: a list of free pages of kind %#x with %d entries", id, kind, n)
	}
	last := uint64(0)
	for i := range n {
		free := order.Uint64(ids[8*i:])
		if free <= last {
			return fmt.Errorf("page %d: the free pages are out of order", id)
		}
		if err := c.take(free); err != nil {
			return err
		}
		last = free
	}
	return nil
}

// all reports whether every page was met.
func (c *checker) all() error {
	for id, seen := range c.seen {
		if !seen {
			return fmt.Errorf("page %d is neither used nor free", id)
		}
	}
	return nil
}
