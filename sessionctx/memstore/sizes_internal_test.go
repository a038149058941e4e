package memstore

import (
	"strconv"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"

	"github.com/sessionctx/storefront/sessionctx/store"
)

func TestSize_PartsAreThoseOfA64BitSystem(t *testing.T) {
	if strconv.IntSize != 64 {
		t.Skip("the sizes are those of a 64-bit system")
	}
	assert.EqualValues(t, overhead-150, unsafe.Sizeof(item{}))
	assert.EqualValues(t, cartSize, unsafe.Sizeof(store.Cart{}))
	assert.EqualValues(t, dimensionSize, unsafe.Sizeof(store.Dimension{}))
	assert.EqualValues(t, attributeSize, unsafe.Sizeof(store.Attribute{}))
}
