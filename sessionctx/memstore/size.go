package memstore

// The bytes that a part takes on a 64-bit system. A 32-bit system takes less, and has the same
// bound: a Store holds as many sessions everywhere.
const (
	// overhead is what an item needs besides its texts: itself, its slots in index and heap, the
	// rounding of allocations. It is measured.
	overhead      = 488 + 150
	cartSize      = 72
	dimensionSize = 40
	attributeSize = 48
)

// sizeOf returns about how many bytes of memory an item takes.
func sizeOf(it *item) int64 {
	rec := &it.rec
	n := int64(overhead)
	for _, length := range [...]int{
		len(it.key.ID), len(rec.CustomerID), len(rec.Company), len(rec.Heir), len(rec.Unknown),
		len(rec.Choices.Site), len(rec.Choices.Currency), len(rec.Choices.Country), len(rec.Choices.Language),
	} {
		n += rounded(length)
	}
	for _, c := range rec.Carts {
		n += cartSize + rounded(len(c.Site)) + rounded(len(c.ID)) + rounded(len(c.Country)) + rounded(len(c.Currency))
	}
	for _, d := range rec.Dimensions {
		n += dimensionSize + rounded(len(d.Name)) + rounded(len(d.Value))
	}
	for _, a := range rec.Attributes {
		n += attributeSize + rounded(len(a.Name)) + rounded(len(a.Value))
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
