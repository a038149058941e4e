package memstore

import "unsafe"

// overhead is what an item needs besides its texts: itself, its slots in index and heap, the rounding of
// allocations. It is measured.
const overhead = int64(unsafe.Sizeof(item{})) + 150

// sizeOf returns about how many bytes of memory an item takes.
func sizeOf(it *item) int64 {
	rec := &it.rec
	n := overhead
	for _, length := range [...]int{
		len(it.key.ID), len(rec.CustomerID), len(rec.Company), len(rec.Heir), len(rec.Unknown),
		len(rec.Choices.Site), len(rec.Choices.Currency), len(rec.Choices.Country), len(rec.Choices.Language),
	} {
		n += rounded(length)
	}
	for _, c := range rec.Carts {
		n += int64(unsafe.Sizeof(c)) + rounded(len(c.Site)) + rounded(len(c.ID)) + rounded(len(c.Country)) + rounded(len(c.Currency))
	}
	for _, d := range rec.Dimensions {
		n += int64(unsafe.Sizeof(d)) + rounded(len(d.Name)) + rounded(len(d.Value))
	}
	for _, a := range rec.Attributes {
		n += int64(unsafe.Sizeof(a)) + rounded(len(a.Name)) + rounded(len(a.Value))
	}
	return n
}

// rounded returns about how many bytes an allocation of n bytes takes.
func rounded(n int) int64 {
	switch {
	case n < 16: // small texts share an allocation
		return int64(n)
	case n > 256:
		return int64(n) * 9 / 8
	}
	return int64(n+15) &^ 15
}
