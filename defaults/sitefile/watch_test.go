package sitefile_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/defaults/sitefile"
	"github.com/sessionctx/storefront/sessionctx"
)

// set changes the currency of a shop in memory.
func set(fsys fstest.MapFS, currency string) {
	fsys["demoshop/sites.json"] = &fstest.MapFile{Data: []byte(sitesIn(currency))}
}

func TestWatch_SeesTheNewStateInForce(t *testing.T) {
	fsys := shop(nil)
	f, err := sitefile.FromFS(fsys)
	require.NoError(t, err)
	var seen []string
	f.Watch(func(tenant, customerID string) {
		sites, err := f.Sites(context.Background(), tenant)
		require.NoError(t, err)
		seen = append(seen, sites[0].Currency)
		f.Watch(func(string, string) {})() // no lock is held
	})
	set(fsys, "USD")
	f.Poll()
	set(fsys, "CHF")
	f.Poll()
	f.Poll()
	assert.Equal(t, []string{"USD", "CHF"}, seen)
}

func TestWatch_StoppedWatcherIsNotCalledAgain(t *testing.T) {
	fsys := shop(nil)
	f, err := sitefile.FromFS(fsys)
	require.NoError(t, err)
	var first, second int
	stop := f.Watch(func(string, string) { first++ })
	f.Watch(func(string, string) { second++ })
	set(fsys, "USD")
	f.Poll()
	stop()
	stop()
	set(fsys, "CHF")
	f.Poll()
	assert.Equal(t, 1, first)
	assert.Equal(t, 2, second)
}

func TestWatch_StopAndCloseFromWithinDoNotDeadlock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := newFolder(t, nil)
		f, err := sitefile.Open(string(dir), sitefile.Config{})
		require.NoError(t, err)
		var own, other, never int
		var stopOwn, stopOther func()
		stopOwn = f.Watch(func(string, string) { own++; stopOwn(); stopOther() })
		stopOther = f.Watch(func(string, string) { other++ })
		dir.write(t, "demoshop/sites.json", sitesIn("USD"))
		time.Sleep(within)
		synctest.Wait()
		assert.Equal(t, 1, own)
		assert.Zero(t, other, "stopped by the one before")

		f.Watch(func(string, string) { own++; assert.NoError(t, f.Close()) })
		f.Watch(func(string, string) { never++ })
		dir.write(t, "demoshop/sites.json", sitesIn("CHF"))
		time.Sleep(within)
		synctest.Wait()
		assert.Equal(t, 2, own)
		assert.Zero(t, never, "closed by the one before")
		require.NoError(t, f.Close())
	})
}

func TestWatch_StopWaitsForACallThatIsRunning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fsys := shop(nil)
		f, err := sitefile.FromFS(fsys)
		require.NoError(t, err)
		called, finish := make(chan struct{}), make(chan struct{})
		stop := f.Watch(func(string, string) { close(called); <-finish })
		set(fsys, "USD")
		go f.Poll()
		<-called
		var stopped atomic.Bool
		go func() { stop(); stopped.Store(true) }()
		synctest.Wait()
		assert.False(t, stopped.Load())
		close(finish)
		synctest.Wait()
		assert.True(t, stopped.Load())
	})
}

func TestFiles_ReadersSeeOneVersionWhole(t *testing.T) {
	versions := map[string]string{"USD": "C1", "CHF": "C2"}
	files := func(fsys fstest.MapFS, currency string) {
		set(fsys, currency)
		fsys["demoshop/customers.json"] = &fstest.MapFile{Data: []byte(`[{"id": "` + versions[currency] + `", "contactEmail": "a@b.example"}]`)}
	}
	fsys := shop(nil)
	files(fsys, "USD")
	f, err := sitefile.FromFS(fsys)
	require.NoError(t, err)

	var stop atomic.Bool
	var reads, told atomic.Int64
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for !stop.Load() {
				unwatch := f.Watch(func(string, string) { told.Add(1) })
				sites, err := f.Sites(context.Background(), "demoshop")
				assert.NoError(t, err)
				assert.NotEmpty(t, versions[sites[0].Currency])
				a, ok := f.Account("demoshop", "A@b.example")
				assert.True(t, ok)
				assert.Contains(t, []string{"C1", "C2"}, a.CustomerID)
				assert.NoError(t, f.Err())
				assert.Equal(t, []string{"demoshop"}, f.Tenants())
				unwatch()
				reads.Add(1)
			}
		})
	}
	for i := 0; i < 300 || reads.Load() < 1000; i++ {
		files(fsys, []string{"USD", "CHF"}[i%2])
		f.Poll()
	}
	stop.Store(true)
	wg.Wait()

	// Afterwards nobody is told any more.
	before := told.Load()
	files(fsys, "USD")
	f.Poll()
	files(fsys, "CHF")
	f.Poll()
	assert.Equal(t, before, told.Load())
	_, err = f.Sites(context.Background(), "nobody")
	assert.ErrorIs(t, err, sessionctx.ErrUnknownTenant)
}
