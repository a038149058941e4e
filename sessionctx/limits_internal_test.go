package sessionctx

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/sessionctx/storefront/sessionctx/store"
)

func TestCheckPatch_LongestCartIDIsAllowed(t *testing.T) {
	assert.NoError(t, (&Config{}).checkPatch(&Patch{CartID: Set(strings.Repeat("c", 256))}))
}

func TestCheckRecord_LimitsHoldForTheResultOfAWrite(t *testing.T) {
	atSites := func(n int) (rec store.Record) {
		for i := range n {
			rec.Carts = append(rec.Carts, cart(fmt.Sprintf("s%02d", i), "c", 9))
		}
		rec.Incarnation = 7
		return rec
	}
	sized := func(bytes int) store.Record {
		r := store.Record{Incarnation: 7, Tenant: strings.Repeat("t", 1000)}
		b, err := r.MarshalBinary()
		assert.NoError(t, err)
		r.Tenant += strings.Repeat("t", bytes-len(b))
		return r
	}
	cfg := Config{MaxRecord: 2000}
	for _, tc := range []struct {
		desc string
		rec  store.Record
		want error
	}{
		{"carts at as many sites as allowed", atSites(32), nil},
		{"carts at one site more than allowed", atSites(33), &InputError{Field: "cartId", Rule: "a session has carts at 32 sites at most", Limit: 32, Size: true}},
		{"as many bytes as allowed", sized(2000), nil},
		{"one byte more than allowed", sized(2001), &InputError{Field: "context", Rule: "a session takes at most 2000 bytes", Limit: 2000, Size: true}},
	} {
		t.Run(tc.desc, func(t *testing.T) { assert.Equal(t, tc.want, cfg.checkRecord(&tc.rec)) })
	}
	rec := store.Record{Incarnation: 7, CreatedAt: time.Unix(0, 1).UTC()}
	assert.EqualError(t, cfg.checkRecord(&rec), "sessionctx: encode record: CreatedAt \"1970-01-01 00:00:00.000000001 +0000 UTC\" is no whole number of milliseconds")
}
