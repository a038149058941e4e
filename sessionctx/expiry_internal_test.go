package sessionctx

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/sessionctx/storefront/sessionctx/store"
)

const hour, minute, ms = time.Hour, time.Minute, time.Millisecond

// born is when the sessions below were created. Every time of a table is counted from then.
var born = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// after returns the moment, or the zero time for never.
func after(d time.Duration) time.Time {
	if d == never {
		return time.Time{}
	}
	return born.Add(d)
}

func TestSetExpiry_LastsAQuarterLongerThanTheIdleTime(t *testing.T) {
	for _, tc := range []struct {
		desc     string
		customer bool
		idle     time.Duration // of sessions of this kind
		maxAge   time.Duration
		used     time.Duration
		expires  time.Duration
		touch    time.Duration // from when on a use moves the expiry
	}{
		{"an anonymous session", false, hour, never, 10 * minute, 85 * minute, 25 * minute},
		{"a customer's session", true, 40 * hour, never, 10 * hour, 60 * hour, 20 * hour},
		{"what is stored are whole milliseconds, rounded down", false, hour, never, ms - 1, 75 * minute, 15 * minute},
		{"without an idle time a session lives for ever, and no use need say so", false, never, never, 0, never, never},
		{"without an idle time it lives for MaxAge", true, never, 2 * hour, hour, 2 * hour, never},
		{"MaxAge is a millisecond behind: the idle time decides", false, hour, 2 * hour, 45*minute - ms, 2*hour - ms, hour - ms},
		{"MaxAge is near: a use moves nothing any more", false, hour, 2 * hour, 45 * minute, 2 * hour, never},
		{"MaxAge is over: no use moves it", false, hour, 2 * hour, 3 * hour, 2 * hour, never},
		{"MaxAge is no whole number of milliseconds", false, hour, 2*hour + 1, hour, 2 * hour, never},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			cfg := Config{AnonymousIdle: tc.idle, CustomerIdle: 7 * minute, MaxAge: tc.maxAge}
			rec := store.Record{CreatedAt: born, ExpiresAt: after(minute)} // the old expiry must not count
			if tc.customer {
				cfg.AnonymousIdle, cfg.CustomerIdle = cfg.CustomerIdle, cfg.AnonymousIdle
				rec.CustomerID = "C100"
			}
			cfg.setExpiry(&rec, after(tc.used).In(time.FixedZone("CET", 3600)))
			assert.Equal(t, after(tc.expires), rec.ExpiresAt)
			assert.Equal(t, after(tc.touch), cfg.touchDue(&rec))
		})
	}
}

func TestTouchDue_IsZeroWhereNoUseMovesTheExpiry(t *testing.T) {
	saved := store.Record{CreatedAt: born, ExpiresAt: after(75 * minute)}
	for _, tc := range []struct {
		desc         string
		rec          store.Record
		idle, maxAge time.Duration
		want         time.Duration
	}{
		{"a session is touched an idle time before it expires", saved, hour, never, 15 * minute},
		{"MaxAge was longer when it was saved: then the touch makes it end earlier", saved, hour, hour, 15 * minute},
		{"there was an idle time when it was saved: now any use makes it last", saved, never, never, 0},
		{"it was saved to live for ever", store.Record{CreatedAt: born}, hour, hour, never},
		{"a tombstone: no use makes it stay", store.Record{CreatedAt: born, ExpiresAt: after(75 * minute), Ended: true}, hour, never, never},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			assert.Equal(t, after(tc.want), (&Config{AnonymousIdle: tc.idle, MaxAge: tc.maxAge}).touchDue(&tc.rec))
		})
	}
}
