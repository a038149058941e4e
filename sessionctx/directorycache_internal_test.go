package sessionctx

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Whoever sees that a memo is worth nothing must not find the answer that it was made of: else the next memo is made of it too. The other
// processor looks at both words all the time, so it sees each state that there is for longer than a moment.
func TestNobodySeesAMemoForgottenBeforeTheAnswerItWasMadeOf(t *testing.T) {
	for _, customerID := range []string{"", "C100"} {
		d := directoryCache{memos: newWords(), asked: newWords()}
		memo, asked := d.memos.sites("demoshop"), d.asked.sites("demoshop")
		if customerID != "" {
			memo, asked = customerStripe(d.memos, "demoshop", customerID), d.asked.stripe(Key{"demoshop", kindProfile, customerID}.Hash())
		}
		const times = 200_000
		seen := make(chan uint64)
		go func() {
			wrong := uint64(0)
			for memos := uint64(0); memos < times*wordChange; {
				memos = d.memos.load(memo)
				if d.asked.load(asked) < memos {
					wrong++
				}
			}
			seen <- wrong
		}()
		for range times {
			d.invalidate("demoshop", customerID)
		}
		require.Zero(t, <-seen, "%q", customerID)
	}
}
