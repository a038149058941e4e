package boltstore_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"

	"github.com/sessionctx/storefront/sessionctx/boltstore"
	"github.com/sessionctx/storefront/sessionctx/store"
)

// shopFile makes a file with records of several sizes under the ids 0 to n-1, and returns its path
// and the records.
func shopFile(t testing.TB, n int) (string, []store.Record) {
	t.Helper()
	path := filepath.Join(ramDisk(t), "sessions.db")
	s, err := boltstore.Open(path)
	require.NoError(t, err)
	want := make([]store.Record, n)
	together(n, func(_, i int) {
		i--
		want[i] = shopper(1)
		want[i].Carts = []store.Cart{{ID: fmt.Sprintf("cart-%04d", i)}}
		if i%10 == 0 {
			want[i].Attributes[0].Value = fmt.Appendf(nil, `"%0*d"`, 150*i+1, i)
		}
		_, err := s.Save(context.Background(), session(fmt.Sprint(i)), want[i], none)
		assert.NoError(t, err)
	})
	together(n, func(_, i int) { // again, so that there are free pages
		i--
		base := want[i].Revision()
		want[i].Version++
		_, err := s.Save(context.Background(), session(fmt.Sprint(i)), want[i], base)
		assert.NoError(t, err)
	})
	require.NoError(t, s.Close())
	return path, want
}

// edit changes the tables of a file that nobody has open, behind the back of the checksums.
func edit(t *testing.T, path string, change func(records *bbolt.Bucket) error) {
	t.Helper()
	db, err := bbolt.Open(path, 0o600, nil)
	require.NoError(t, err)
	require.NoError(t, db.Update(func(tx *bbolt.Tx) error { return change(tx.Bucket([]byte("records"))) }))
	require.NoError(t, db.Close())
}

func TestLoad_ADamagedRecordIsAnErrorAndNeverARecordNorNone(t *testing.T) {
	t.Parallel()
	const victim, other = 7, 8
	key, otherKey := session("7").Hash(), session("8").Hash()
	damages := []struct {
		desc    string
		change  func(records *bbolt.Bucket) error
		says    string
		counted int64
	}{
		{"a bit", func(b *bbolt.Bucket) error {
			v := bytes.Clone(b.Get(key[:]))
			v[len(v)/2] ^= 4
			return b.Put(key[:], v)
		}, "damaged", 1},
		{"its end is missing", func(b *bbolt.Bucket) error {
			v := bytes.Clone(b.Get(key[:]))
			return b.Put(key[:], v[:len(v)-1])
		}, "damaged", 1},
		{"nothing is left of it", func(b *bbolt.Bucket) error { return b.Put(key[:], nil) }, "damaged", 1},
		{"it is another's", func(b *bbolt.Bucket) error { return b.Put(key[:], bytes.Clone(b.Get(otherKey[:]))) }, "damaged", 1},
		{"a bit of its key, to a higher one", func(b *bbolt.Bucket) error {
			v, k := bytes.Clone(b.Get(key[:])), key
			for k[31] ^= 1; bytes.Compare(k[:], key[:]) < 0; k[30]++ {
			}
			return errors.Join(b.Delete(key[:]), b.Put(k[:], v))
		}, "damaged", 1},
		{"a bit of its key, to a lower one", func(b *bbolt.Bucket) error {
			v, k := bytes.Clone(b.Get(key[:])), key
			for k[31] ^= 1; bytes.Compare(k[:], key[:]) > 0; k[30]-- {
			}
			return errors.Join(b.Delete(key[:]), b.Put(k[:], v))
		}, "damaged", 1},
		{"it has a schema to come", func(b *bbolt.Bucket) error {
			v := bytes.Clone(b.Get(key[:]))
			v[0] = 9
			table := crc32.MakeTable(crc32.Castagnoli)
			sum := crc32.Update(crc32.Checksum(key[:], table), table, v[:1])
			binary.BigEndian.PutUint32(v[1:], crc32.Update(sum, table, v[5:]))
			return b.Put(key[:], v)
		}, "schema 9", 0},
	}
	for _, tc := range damages {
		t.Run(tc.desc, func(t *testing.T) {
			path, want := shopFile(t, 60)
			edit(t, path, tc.change)
			s := open(t, path)
			assert.Equal(t, boltstore.Stats{Records: 60, Damaged: tc.counted, Bytes: s.Stats().Bytes}, s.Stats())
			next := want[victim]
			next.Version++
			for _, base := range []store.Revision{want[victim].Revision(), none, next.Revision()} {
				got, err := s.Load(t.Context(), session("7"))
				require.ErrorContains(t, err, tc.says)
				assert.Zero(t, got)
				assert.NotContains(t, err.Error(), "\"7\"")
				got, err = s.Save(t.Context(), session("7"), next, base)
				require.ErrorContains(t, err, tc.says)
				require.ErrorIs(t, err, store.ErrUnavailable, "nothing was written")
				assert.NotErrorIs(t, err, store.ErrConflict)
				assert.Zero(t, got)
			}
			if tc.counted > 0 {
				assert.Equal(t, int64(6), s.Stats().Refused)
			}
			for i, rec := range want {
				if i != victim {
					require.Equal(t, rec, load(t, s, session(fmt.Sprint(i))))
				}
			}
			fine := want[other]
			fine.Version++
			save(t, s, session("8"), fine, want[other].Revision())
		})
	}
}

func TestStore_ADamagedRecordStopsNoRemovalAndGoesAtItsExpiry(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "sessions.db")
	synctest.Test(t, func(t *testing.T) {
		s, err := boltstore.Open(path)
		require.NoError(t, err)
		for i := range 50 {
			save(t, s, session(fmt.Sprint(i)), written(expiring(time.Duration(i+1)*time.Minute)), none)
		}
		require.NoError(t, s.Close())
		edit(t, path, func(b *bbolt.Bucket) error {
			for i := range 10 {
				key := session(fmt.Sprint(5 * i)).Hash()
				if err := b.Put(key[:], []byte("spoiled")); err != nil {
					return err
				}
			}
			return nil
		})
		s, err = boltstore.Open(path)
		require.NoError(t, err)
		assert.Equal(t, int64(10), s.Stats().Damaged)
		time.Sleep(25 * time.Minute)
		synctest.Wait()
		_, err = s.Load(t.Context(), session("45"))
		require.ErrorContains(t, err, "damaged")
		time.Sleep(25 * time.Minute)
		synctest.Wait()
		assert.Zero(t, s.Stats().Records)
		assert.Zero(t, load(t, s, session("45")), "its time is over, so that there is none, whatever it was")
		save(t, s, session("45"), written(), none)
		require.NoError(t, s.Close())
	})
}

// damageAll spoils each page in turn, in the ways that were found in real damaged files.
func damageAll(image []byte, each func(desc string, spoiled []byte)) {
	const pageSize = 4096
	rnd := rand.New(rand.NewPCG(1, 2))
	for at := 0; at < len(image); at += pageSize {
		spoil := func(desc string, change func(page []byte)) {
			spoiled := bytes.Clone(image)
			change(spoiled[at : at+pageSize])
			if !bytes.Equal(spoiled, image) {
				each(fmt.Sprintf("page %d: %s", at/pageSize, desc), spoiled)
			}
		}
		for range 4 {
			bit := rnd.IntN(8 * 64) // of the header and the first elements
			spoil(fmt.Sprint("bit ", bit, " turned"), func(p []byte) { p[bit/8] ^= 1 << (bit % 8) })
			bit = rnd.IntN(8 * pageSize)
			spoil(fmt.Sprint("bit ", bit, " turned"), func(p []byte) { p[bit/8] ^= 1 << (bit % 8) })
		}
		spoil("fewer entries", func(p []byte) { p[10] /= 2 })
		spoil("no entries", func(p []byte) { p[10], p[11] = 0, 0 })
		spoil("zeros", func(p []byte) { clear(p) })
		spoil("half of it zeros", func(p []byte) { clear(p[pageSize/2:]) })
		spoil("garbage", func(p []byte) {
			for i := range p {
				p[i] = byte(rnd.Uint32())
			}
		})
		spoil("garbage behind the header", func(p []byte) {
			for i := 16; i < len(p); i++ {
				p[i] = byte(rnd.Uint32())
			}
		})
		from := rnd.IntN(len(image)/pageSize) * pageSize
		spoil(fmt.Sprint("as page ", from/pageSize), func(p []byte) { copy(p, image[from:from+pageSize]) })
		spoil("cut here", func(p []byte) { clear(p) })
	}
}

// used returns the part of a file that has pages, without what was allocated in advance.
func used(t testing.TB, path string) []byte {
	t.Helper()
	s, err := boltstore.Open(path)
	require.NoError(t, err)
	n := s.Stats().Bytes
	require.NoError(t, s.Close())
	image, err := os.ReadFile(path)
	require.NoError(t, err)
	return image[:n]
}

func TestOpen_ADamagedPageIsAnErrorOrHarmless(t *testing.T) {
	t.Parallel()
	path, want := shopFile(t, 60)
	image := used(t, path)
	refused, opened, lost := 0, 0, 0
	damageAll(image, func(desc string, spoiled []byte) {
		copied := strings.Contains(desc, ": as page ")
		require.NoError(t, os.WriteFile(path, spoiled, 0o600))
		s, err := boltstore.Open(path)
		if err != nil {
			refused++
			require.ErrorContains(t, err, "damaged", desc)
			return
		}
		opened++
		for i, rec := range want {
			got, err := s.Load(t.Context(), session(fmt.Sprint(i)))
			if err != nil {
				require.ErrorContains(t, err, "damaged", desc)
				lost++
				continue
			}
			if copied && got.Version < rec.Version {
				rec.Version-- // an older copy of the page: a sound record, as it was saved first
			}
			require.Equal(t, rec, got, desc)
		}
		for i := range 2 {
			_, err := s.Save(t.Context(), session(fmt.Sprint("new", i)), shopper(1), none)
			if err != nil {
				require.ErrorContains(t, err, "damaged", desc)
			}
		}
		require.NoError(t, s.Close(), desc)
	})
	t.Logf("%d pages: %d damaged files refused, %d opened, with %d errors for %d loads", len(image)/4096, refused, opened, lost, opened*len(want))
	assert.NotZero(t, refused)
	assert.NotZero(t, opened)
	assert.NotZero(t, lost)
}

func TestOpen_RefusesAFileThatIsCut(t *testing.T) {
	t.Parallel()
	path, _ := shopFile(t, 60)
	image := used(t, path)
	for n := 1; n < len(image); n += 1 + len(image)/97 {
		require.NoError(t, os.WriteFile(path, image[:n], 0o600))
		_, err := boltstore.Open(path)
		require.ErrorContains(t, err, "damaged", "%d of %d bytes", n, len(image))
	}
}

// TestStore_DamageOfAFileInUseIsAnErrorAndNoPanic spoils pages under an open Store, which has
// looked at them already.
func TestStore_DamageOfAFileInUseIsAnErrorAndNoPanic(t *testing.T) {
	t.Parallel()
	path, want := shopFile(t, 60)
	image := used(t, path)
	dir := ramDisk(t)
	failed, fine := 0, 0
	for at := 0; at <= len(image); at += 4096 {
		for _, damage := range []string{"zeros", "garbage", "cut"} {
			path := filepath.Join(dir, fmt.Sprint(at, damage)) // the one before may be locked
			require.NoError(t, os.WriteFile(path, image, 0o600))
			s, err := boltstore.Open(path)
			require.NoError(t, err)
			switch f, err := os.OpenFile(path, os.O_RDWR, 0); {
			case err != nil:
				t.Fatal(err)
			case damage == "cut":
				require.NoError(t, errors.Join(f.Truncate(int64(at)), f.Close()))
			default:
				page := make([]byte, 4096)
				if damage == "garbage" {
					for i := range page {
						page[i] = byte(rand.Uint32())
					}
				}
				_, err := f.WriteAt(page, int64(at))
				require.NoError(t, errors.Join(err, f.Close()))
			}
			for i, rec := range want {
				got, err := s.Load(t.Context(), session(fmt.Sprint(i)))
				if err != nil {
					failed++
					continue
				}
				fine++
				require.Equal(t, rec, got, "%s at %d", damage, at)
			}
			for i, rec := range want[:5] {
				next := rec
				next.Version++
				if got, err := s.Save(t.Context(), session(fmt.Sprint(i)), next, rec.Revision()); err == nil {
					require.Equal(t, next, got)
				} else {
					require.NotErrorIs(t, err, store.ErrConflict)
				}
			}
			_, _ = s.WriteTo(&bytes.Buffer{})
			_ = s.Close()
		}
	}
	t.Logf("%d loads failed, %d were right", failed, fine)
	assert.NotZero(t, failed)
	assert.NotZero(t, fine)
}
