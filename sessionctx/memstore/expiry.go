package memstore

import "container/heap"

// expiryHeap has the items that expire, the earliest first.
type expiryHeap struct{ items expiryOrder }

// first returns the item that expires first, nil if there is none.
func (h *expiryHeap) first() *item {
	if len(h.items) == 0 {
		return nil
	}
	return h.items[0]
}

// place puts an item where its expiry belongs.
func (h *expiryHeap) place(it *item) {
	switch {
	case it.rec.ExpiresAt.IsZero():
		h.remove(it)
	case it.expiry < 0:
		heap.Push(&h.items, it)
	default:
		heap.Fix(&h.items, it.expiry)
	}
}

func (h *expiryHeap) remove(it *item) {
	if it.expiry >= 0 {
		heap.Remove(&h.items, it.expiry)
	}
}

// expiryOrder implements heap.Interface.
type expiryOrder []*item

func (o expiryOrder) Len() int { return len(o) }

func (o expiryOrder) Less(i, j int) bool { return o[i].rec.ExpiresAt.Before(o[j].rec.ExpiresAt) }

func (o expiryOrder) Swap(i, j int) {
	o[i], o[j] = o[j], o[i]
	o[i].expiry, o[j].expiry = i, j
}

func (o *expiryOrder) Push(x any) {
	it := x.(*item)
	it.expiry = len(*o)
	*o = append(*o, it)
}

func (o *expiryOrder) Pop() any {
	last := len(*o) - 1
	it := (*o)[last]
	(*o)[last] = nil
	*o = (*o)[:last]
	it.expiry = -1
	return it
}
