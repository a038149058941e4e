package nearcache

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestClock_NoticesThatTheWallClockHasJumped(t *testing.T) {
	tests := []struct {
		desc   string
		passes time.Duration // on the monotonic clock
		wall   time.Duration // on the wall clock
		jumped bool
	}{
		{desc: "both run alike", passes: time.Second, wall: time.Second},
		{desc: "both stand still"},
		{desc: "set forwards", passes: checkEvery, wall: checkEvery + time.Hour, jumped: true},
		{desc: "set backwards", passes: checkEvery, wall: checkEvery - time.Hour, jumped: true},
		{desc: "a virtual machine was suspended", passes: checkEvery, wall: 24 * time.Hour, jumped: true},
		{desc: "a little forwards", passes: checkEvery, wall: checkEvery + maxDrift},
		{desc: "a little backwards", passes: checkEvery, wall: checkEvery - maxDrift},
		{desc: "a little too much forwards", passes: checkEvery, wall: checkEvery + maxDrift + 1, jumped: true},
		{desc: "a little too much backwards", passes: checkEvery, wall: checkEvery - maxDrift - 1, jumped: true},
		{desc: "the clocks are not compared yet", passes: checkEvery - 1, wall: time.Hour},
	}
	for _, tc := range tests {
		t.Run(tc.desc, func(t *testing.T) {
			mono, wall := int64(1), time.Date(2026, 11, 29, 3, 0, 0, 0, time.UTC)
			c := newClockOf(func() int64 { return mono }, func() time.Time { return wall })
			mono += int64(tc.passes)
			wall = wall.Add(tc.wall)
			now, jumped := c.now()
			assert.Equal(t, mono, now)
			assert.Equal(t, tc.jumped, jumped)

			mono += int64(checkEvery)
			wall = wall.Add(checkEvery)
			_, again := c.now()
			assert.Equal(t, tc.desc == "the clocks are not compared yet", again, "a jump is told once, and never missed")
		})
	}
}

func TestClock_IsAboveZeroFromTheBeginning(t *testing.T) {
	now, jumped := newClock().now()
	assert.Positive(t, now)
	assert.False(t, jumped)
}

func TestUntil_TimeThatIsTooFarAwayIsNeverOver(t *testing.T) {
	now := time.Now()
	for _, tc := range []struct {
		desc string
		at   time.Time
		want int64
	}{
		{"in a year", now.Add(365 * 24 * time.Hour), 7 + int64(365*24*time.Hour)},
		{"a year ago", now.Add(-365 * 24 * time.Hour), 7 - int64(365*24*time.Hour)},
		{"in 300 years, which is no time.Duration", now.AddDate(300, 0, 0), endless},
		{"in the year 9999", time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC), endless},
	} {
		assert.Equal(t, tc.want, until(7, now, tc.at), tc.desc)
	}
	assert.Negative(t, until(7, now, time.Time{}), "long ago")
}
