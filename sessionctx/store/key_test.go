package store_test

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/sessionctx/store"
)

func TestKeyHash_DiffersForKeysThatDifferInAnyPart(t *testing.T) {
	// Each text is cut into tenant and id at every place. As one string all cuts of a text are the
	// same.
	texts := []string{
		"acmeshop", "acme/shop", "acme\x00shop", "\x00\x00\x00\x00", "\x04acme\x04shop", "aaaaaaaa",
		strings.Repeat("\x01", 200), strings.Repeat("\x80\x01", 150), strings.Repeat("a", 300),
	}
	for _, text := range slices.Clone(texts) { // the preimage of another key as an id
		texts = append(texts, string(binary.AppendUvarint(nil, uint64(len(text))))+text)
	}
	seen := make(map[store.KeyHash]store.Key)
	keys := make(map[store.Key]bool)
	for _, text := range texts {
		for i := range len(text) + 1 {
			for _, kind := range []store.Kind{store.KindSession, store.KindCustomer} {
				key := store.Key{Tenant: text[:i], Kind: kind, ID: text[i:]}
				keys[key] = true
				if other, ok := seen[key.Hash()]; ok {
					require.Equal(t, other, key, "two keys under one hash")
				}
				seen[key.Hash()] = key
			}
		}
	}
	assert.Len(t, seen, len(keys))
}

func FuzzKeyHash(f *testing.F) {
	f.Add("acme", uint8(0), "shop", "acmes", uint8(0), "hop")
	f.Add("", uint8(1), "\x00a", "\x00", uint8(1), "a")
	f.Fuzz(func(t *testing.T, tenant1 string, kind1 uint8, id1, tenant2 string, kind2 uint8, id2 string) {
		a := store.Key{Tenant: tenant1, Kind: store.Kind(kind1), ID: id1}
		b := store.Key{Tenant: tenant2, Kind: store.Kind(kind2), ID: id2}
		require.Equal(t, a == b, a.Hash() == b.Hash())
	})
}

func TestKeyHashSlot_IsTheFirst14Bits(t *testing.T) {
	cases := []struct {
		desc        string
		first, next byte
		want        int
	}{
		{"no bit", 0, 0, 0},
		{"the two bits that follow do not count", 0, 0b11, 0},
		{"the lowest bit", 0, 0b100, 1},
		{"the highest bit", 0x80, 0, 1 << 13},
		{"both bytes in order", 0x12, 0x34, 0x1234 >> 2},
		{"all bits", 0xff, 0xff, store.Slots - 1},
	}
	for _, tc := range cases {
		t.Run(tc.desc, func(t *testing.T) {
			h := store.KeyHash{tc.first, tc.next}
			for i := 2; i < len(h); i++ {
				h[i] = 0xff
			}
			assert.Equal(t, tc.want, h.Slot())
		})
	}
	assert.Equal(t, 16384, store.Slots)
}

func TestKeyHashSlot_SpreadsKeysEvenly(t *testing.T) {
	const keys = 64 * store.Slots
	counts := make([]int, store.Slots)
	for i := range keys {
		key := store.Key{Tenant: "acme", Kind: store.Kind(i % 2), ID: fmt.Sprint("id-", i/2)}
		slot := key.Hash().Slot()
		if slot < 0 || slot >= store.Slots {
			t.Fatalf("%v has the slot %d", key, slot)
		}
		counts[slot]++
	}
	// 64 keys for each slot on average, with a deviation of 8: no slot is 7 deviations away. The
	// keys are always the same, so that the test does not depend on luck.
	assert.Greater(t, slices.Min(counts), 64-7*8)
	assert.Less(t, slices.Max(counts), 64+7*8)
	chi := 0.0
	for _, n := range counts {
		chi += float64((n-64)*(n-64)) / 64
	}
	assert.InDelta(t, store.Slots-1, chi, 6*181, "chi-squared: 16383 on average, with a deviation of 181")
}
