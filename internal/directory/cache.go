package directory

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/sessionctx/storefront/internal/boundedcache"
)

const (
	maxStale   = 24 * time.Hour         // for how long an answer serves after the source last confirmed it
	retry      = time.Second            // after a question that failed
	answerWait = 100 * time.Millisecond // for the first answer after an Invalidate
	maxUnknown = 1024                   // keys without an answer that are remembered
	// maxPerKey is how many questions about one key are under way: one, and one more that began
	// after an Invalidate or a Refresh.
	maxPerKey = 2
	// maxAbandoned bounds the questions that outlast Timeout because they ignore their context.
	maxAbandoned = 64
	// maxAbandonedPerKey keeps one key that always hangs from using up maxAbandoned for all keys.
	maxAbandonedPerKey = 4
	// While too many questions hang, one more may set out oneMoreAfter after the last one set out or
	// timed out. The source may have lost the questions that hang, and may be well again: then it must
	// not stay unasked.
	oneMoreAfter = 10 * time.Minute
	// maxHanging bounds the questions under way while the source hangs: each request for another
	// key that nobody knows would start one.
	maxHanging = 64
	// closeWait is how long a goroutine waits after Close for a question to honour its context.
	closeWait = 100 * time.Millisecond

	typicalCost = 1 << 10 // bytes of a usual answer, with its overhead
	// overhead is what the table of keys needs for one answer, in bytes: the entry, its place in
	// the map, the Answer and a weak pointer. With boundedcache.Overhead it is 448; measured: 431.
	overhead = 288
)

// ErrNoAnswer says that the source did not answer in time, or that it was not asked because it
// hangs. Other errors are those of Config.Ask, or the end of the caller's context.
var ErrNoAnswer = errors.New("directory: no answer")

// Config configures a Cache. A field is required unless it says otherwise. The functions are safe
// for concurrent use by multiple goroutines. Equal and Cost are fast and do not call the Cache.
type Config[K comparable, V any] struct {
	// Now returns monotonic nanoseconds, never 0 or less.
	Now func() int64
	// Ask asks the source. It may ignore ctx, hang or panic. A panic is an error. ctx has the values
	// of the caller that the first question or a Refresh is for, and ends by Timeout and Close alone.
	Ask func(ctx context.Context, key K) (V, error)
	// Equal reports whether two values have the same content: then the old Answer stays.
	Equal func(a, b V) bool
	// Hash spreads the keys.
	Hash func(key K) uint64
	// Group names what InvalidateGroup invalidates together, such as the tenant of a customer. Nil:
	// all keys are in the group "".
	Group func(key K) string
	// MaxBytes bounds the answers that the Cache keeps in memory by itself. 0: answers are never
	// evicted.
	MaxBytes int64
	// Cost returns the bytes that key and v take. It is required if MaxBytes is not 0.
	Cost func(key K, v V) int64
	// MaxAge is the age at which the source is asked again, at most 24 h. Each answer's own age is
	// up to an eighth shorter, at random, so that answers that came together do not expire
	// together.
	MaxAge time.Duration
	// Timeout bounds each question, by a timer of the Cache.
	Timeout time.Duration
	// Go starts a goroutine, and returns at once. It is not called after Close has returned. Each
	// goroutine ends at most 100 ms after Close. Ask itself runs in a goroutine that is not started
	// by Go, because it may never end.
	Go func(func())
	// Changed is called after an answer comes into force or is dropped: values made of an older answer
	// are outdated then. The Invalidate methods do not call it: their caller must also outdate the
	// values that were made of answers that are not in memory any more. Changed returns quickly and
	// does not call the Cache. Optional.
	Changed func(key K)
	// Asked is called before each question, for counting. Optional.
	Asked func()
	// Failed is called once for each question that failed, for counting and logging. known says
	// that an answer is in force in spite of it. The end of a question by Close is no failure.
	// Optional.
	Failed func(key K, err error, known bool)
}

// Cache caches answers. It is safe for concurrent use by multiple goroutines.
type Cache[K comparable, V any] struct {
	cfg    Config[K, V]
	ctx    context.Context // of all questions; ends at Close
	cancel context.CancelFunc
	closed atomic.Bool // set before each shard is locked once more
	shards [numShards]shard[K, V]
	groups groups
	kept   *boundedcache.Cache[*kept[V]] // nil if MaxBytes is 0

	numbers   atomic.Uint64 // of questions, invalidations and refreshes
	underWay  atomic.Int64  // questions that have not returned, the abandoned ones included
	abandoned atomic.Int64
	// failure is the last failed refresh of a known answer since the last success; nil: there is
	// none. While it is set, nobody waits for a new answer after an Invalidate.
	failure atomic.Pointer[Failure[K]]
	// hanging says that a question has run into Timeout since the last answer in time. Then nobody
	// waits for first answers.
	hanging atomic.Bool
	// While too many questions hang, no question sets out before fullUntil. It is 0 after an answer in
	// time.
	fullUntil atomic.Int64
}

// New returns an empty Cache.
func New[K comparable, V any](cfg Config[K, V]) (*Cache[K, V], error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	c := &Cache[K, V]{cfg: cfg, groups: groups{byName: map[string]*group{}}}
	for i := range c.shards {
		c.shards[i].entries = map[K]*entry[K, V]{}
	}
	if cfg.MaxBytes > 0 {
		var err error
		if c.kept, err = boundedcache.New[*kept[V]](cfg.MaxBytes, typicalCost, nil); err != nil {
			return nil, fmt.Errorf("directory: %w", err)
		}
	}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	return c, nil
}

// check returns every mistake in the Config.
func (cfg *Config[K, V]) check() error {
	var errs []error
	missing := func(field string, is bool) {
		if is {
			errs = append(errs, fmt.Errorf("directory: Config.%s is nil: it is required", field))
		}
	}
	missing("Now", cfg.Now == nil)
	missing("Ask", cfg.Ask == nil)
	missing("Equal", cfg.Equal == nil)
	missing("Hash", cfg.Hash == nil)
	missing("Go", cfg.Go == nil)
	if cfg.MaxBytes > 0 && cfg.Cost == nil {
		errs = append(errs, fmt.Errorf("directory: Config.Cost is nil: it is required, because Config.MaxBytes is %d", cfg.MaxBytes))
	}
	if cfg.MaxBytes < 0 {
		errs = append(errs, fmt.Errorf("directory: Config.MaxBytes is %d: it must not be negative", cfg.MaxBytes))
	}
	if cfg.MaxAge <= 0 || cfg.MaxAge > maxStale {
		errs = append(errs, fmt.Errorf("directory: Config.MaxAge is %v: it must be positive, and at most %v", cfg.MaxAge, maxStale))
	}
	if cfg.Timeout <= 0 {
		errs = append(errs, fmt.Errorf("directory: Config.Timeout is %v: it must be positive", cfg.Timeout))
	}
	return errors.Join(errs...)
}

// Failure is a failed refresh of a known answer.
type Failure[K comparable] struct {
	Key K
	Err error
}

// Failure returns the last failed refresh of a known answer, of any key, since the last success;
// nil if there is none.
func (c *Cache[K, V]) Failure() *Failure[K] { return c.failure.Load() }

// Close ends the questions under way. No question sets out after it. A second Close does nothing.
func (c *Cache[K, V]) Close() {
	c.closed.Store(true)
	for i := range c.shards {
		// Whoever did not see closed has started its question when the lock is free.
		c.shards[i].mu.Lock()
		//lint:ignore SA2001 whoever holds the lock has seen that the cache is open, and is waited for
		c.shards[i].mu.Unlock() //nolint:staticcheck // nothing to do inside
	}
	c.cancel()
	if c.kept != nil {
		c.kept.Close()
	}
}
