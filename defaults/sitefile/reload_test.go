package sitefile_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/defaults/sitefile"
	"github.com/sessionctx/storefront/sessionctx"
)

// followed is an open folder within a bubble: its clock runs when everybody waits.
type followed struct {
	folder
	*sitefile.Files
	t    *testing.T
	mu   sync.Mutex
	logs bytes.Buffer
	told []string // tenants that were reported as changed
}

// Write takes what is logged.
func (f *followed) Write(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.logs.Write(p)
}

// follow runs a test on an open folder, within a bubble.
func follow(t *testing.T, files map[string]string, test func(t *testing.T, f *followed)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		f := &followed{folder: newFolder(t, files), t: t}
		var err error
		f.Files, err = sitefile.Open(string(f.folder), sitefile.Config{Logger: slog.New(slog.NewJSONHandler(f, nil))})
		require.NoError(t, err)
		f.Watch(func(tenant, customerID string) {
			assert.Empty(t, customerID)
			f.mu.Lock()
			defer f.mu.Unlock()
			f.told = append(f.told, tenant)
		})
		test(t, f)
		require.NoError(t, f.Close()) // else the bubble never ends: a goroutine is left
	})
}

// pass lets time pass.
func (f *followed) pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// within is how long a change may take.
const within = 5*time.Second - time.Millisecond

// currency is that of the tenant's first site; empty: there is no such tenant.
func (f *followed) currency(tenant string) string {
	f.t.Helper()
	sites, err := f.Sites(context.Background(), tenant)
	if err != nil {
		require.ErrorIs(f.t, err, sessionctx.ErrUnknownTenant)
		return ""
	}
	return sites[0].Currency
}

// takeTold returns the tenants told since it was called last.
func (f *followed) takeTold() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	told := f.told
	f.told = nil
	return told
}

// takeLogs returns what was logged since it was called last, as text and as records.
func (f *followed) takeLogs() (string, []map[string]any) {
	f.t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	text := f.logs.String()
	f.logs.Reset()
	var all []map[string]any
	for line := range strings.Lines(text) {
		var record map[string]any
		require.NoError(f.t, json.Unmarshal([]byte(line), &record))
		all = append(all, record)
	}
	return text, all
}

// countLogs is how many records were logged since they were taken last.
func (f *followed) countLogs() int {
	_, logs := f.takeLogs()
	return len(logs)
}

func TestFiles_ChangeIsInForceWithinFiveSeconds(t *testing.T) {
	for _, tc := range []struct {
		desc   string
		change func(t *testing.T, f *followed)
	}{
		{"written in place", func(t *testing.T, f *followed) {
			f.write(t, "demoshop/sites.json", sitesIn("USD"))
		}},
		{"renamed over the old one", func(t *testing.T, f *followed) {
			f.write(t, "demoshop/.sites.tmp", sitesIn("USD"))
			f.rename(t, "demoshop/.sites.tmp", "demoshop/sites.json")
		}},
		{"same size, time set back", func(t *testing.T, f *followed) {
			before, err := os.Stat(f.path("demoshop/sites.json"))
			require.NoError(t, err)
			f.write(t, "demoshop/sites.json", sitesIn("USD"))
			require.NoError(t, os.Chtimes(f.path("demoshop/sites.json"), before.ModTime(), before.ModTime()))
			after, err := os.Stat(f.path("demoshop/sites.json"))
			require.NoError(t, err)
			require.True(t, os.SameFile(before, after) && before.Size() == after.Size() && before.ModTime().Equal(after.ModTime()))
		}},
		{"renamed, same size and time", func(t *testing.T, f *followed) {
			before, err := os.Stat(f.path("demoshop/sites.json"))
			require.NoError(t, err)
			f.write(t, "demoshop/.sites.tmp", sitesIn("USD"))
			require.NoError(t, os.Chtimes(f.path("demoshop/.sites.tmp"), before.ModTime(), before.ModTime()))
			f.rename(t, "demoshop/.sites.tmp", "demoshop/sites.json")
		}},
		{"older than the old one", func(t *testing.T, f *followed) {
			f.write(t, "demoshop/sites.json", sitesIn("USD"))
			require.NoError(t, os.Chtimes(f.path("demoshop/sites.json"), time.Unix(1, 0), time.Unix(1, 0)))
		}},
		{"moved away, then written", func(t *testing.T, f *followed) {
			f.rename(t, "demoshop/sites.json", "demoshop/sites.json~")
			f.pass(time.Second)
			f.write(t, "demoshop/sites.json", sitesIn("USD"))
		}},
		{"folder exchanged", func(t *testing.T, f *followed) {
			f.write(t, ".new/sites.json", sitesIn("USD"))
			f.rename(t, "demoshop", ".old")
			f.rename(t, ".new", "demoshop")
		}},
		{"folder replaced by a symbolic link", func(t *testing.T, f *followed) {
			f.write(t, ".v2/demoshop/sites.json", sitesIn("USD"))
			f.rename(t, "demoshop", ".old")
			require.NoError(t, os.Symlink(f.path(".v2/demoshop"), f.path("demoshop")))
		}},
		{"written in pieces", func(t *testing.T, f *followed) {
			f.write(t, "demoshop/sites.json", "")
			f.pass(time.Second)
			f.write(t, "demoshop/sites.json", sitesIn("USD")[:50])
			f.pass(time.Second)
			f.write(t, "demoshop/sites.json", sitesIn("USD"))
		}},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			follow(t, nil, func(t *testing.T, f *followed) {
				require.Equal(t, "EUR", f.currency("demoshop"))
				f.pass(1500 * time.Millisecond)
				tc.change(t, f)
				f.pass(within)
				assert.Equal(t, "USD", f.currency("demoshop"))
				assert.Equal(t, []string{"demoshop"}, f.takeTold())
				assert.NoError(t, f.Err())
				_, logs := f.takeLogs()
				require.Len(t, logs, 1, "%v", logs)
				assert.Equal(t, "INFO", logs[0]["level"])
				assert.Equal(t, "demoshop", logs[0]["tenant"])
			})
		})
	}
}

func TestFiles_ChangeAtAnyMomentIsInForceWithinFiveSeconds(t *testing.T) {
	follow(t, nil, func(t *testing.T, f *followed) {
		for i, currency := range []string{"USD", "CHF", "GBP", "JPY", "SEK", "NOK", "DKK"} {
			f.pass(time.Duration(i) * 333 * time.Millisecond)
			before, err := os.Stat(f.path("demoshop/sites.json"))
			require.NoError(t, err)
			f.write(t, "demoshop/sites.json", sitesIn(currency))
			require.NoError(t, os.Chtimes(f.path("demoshop/sites.json"), before.ModTime(), before.ModTime()))
			f.pass(within)
			assert.Equal(t, currency, f.currency("demoshop"))
		}
	})
}

func TestFiles_FollowCustomersAndClients(t *testing.T) {
	follow(t, nil, func(t *testing.T, f *followed) {
		f.write(t, "demoshop/customers.json", `[{"id": "C2", "contactEmail": "b@b.example"}]`)
		f.remove(t, "demoshop/clients.json")
		f.pass(within)
		_, ok := f.AccountOf("demoshop", "C1")
		assert.False(t, ok)
		_, ok = f.Account("demoshop", "b@b.example")
		assert.True(t, ok)
		_, ok = f.Client("demoshop", "web")
		assert.False(t, ok, "a file that is gone for good means none")

		f.takeTold()
		f.write(t, "demoshop/clients.json", goodClients)
		f.pass(within)
		_, ok = f.Client("demoshop", "web")
		assert.True(t, ok)
		assert.Equal(t, []string{"demoshop"}, f.takeTold())
	})
}

func TestFiles_FileMissingForAMomentTakesNothingAway(t *testing.T) {
	follow(t, nil, func(t *testing.T, f *followed) {
		f.pass(500 * time.Millisecond)
		f.rename(t, "demoshop/customers.json", "demoshop/customers.json~")
		f.pass(time.Second)
		f.rename(t, "demoshop/customers.json~", "demoshop/customers.json")
		f.pass(within)
		assert.Empty(t, f.takeTold())
		_, ok := f.AccountOf("demoshop", "C1")
		assert.True(t, ok)
		assert.Zero(t, f.countLogs())
	})
}

func TestFiles_TenantMissingForAMomentStays(t *testing.T) {
	follow(t, map[string]string{"othershop/sites.json": sitesIn("SEK")}, func(t *testing.T, f *followed) {
		f.pass(500 * time.Millisecond)
		f.rename(t, "demoshop", ".demoshop")
		f.pass(time.Second)
		assert.Equal(t, "EUR", f.currency("demoshop"))
		f.rename(t, ".demoshop", "demoshop")
		f.pass(within)
		assert.Empty(t, f.takeTold())
	})
}

func TestFiles_BrokenVersionIsRefusedAndReportedOnce(t *testing.T) {
	follow(t, map[string]string{"othershop/sites.json": sitesIn("SEK")}, func(t *testing.T, f *followed) {
		f.write(t, "demoshop/sites.json", sitesIn("USD"))
		f.write(t, "demoshop/customers.json", `[{"id": "C1", "contactEmail": "anna@shop.example"},
			{"id": "C2", "contactEmail": "anna@shop.example", "passwordHash": "correct-horse-1"}]`)
		f.write(t, "othershop/sites.json", sitesIn("NOK"))
		f.pass(within)
		assert.Equal(t, "EUR", f.currency("demoshop"), "the sites are fine but belong to the same tenant")
		assert.Equal(t, "NOK", f.currency("othershop"), "another tenant goes on")
		assert.Equal(t, []string{"othershop"}, f.takeTold())
		all := mistakes(t, f.Err())
		require.Len(t, all, 2)
		assert.Equal(t, "demoshop/customers.json=C2 contactEmail", strings.Replace(brief(all[0]), " #1", "", 1))

		f.pass(time.Minute)
		text, logs := f.takeLogs()
		assert.NotContains(t, text, "anna")
		assert.NotContains(t, text, "correct-horse")
		logs = slices.DeleteFunc(logs, func(r map[string]any) bool { return r["level"] != "ERROR" })
		require.Len(t, logs, 1, "one record for one version")
		delete(logs[0], "time")
		assert.Equal(t, map[string]any{
			"level": "ERROR", "msg": "sitefile: new version refused, what was in force stays in force", "folder": "demoshop", "count": 2.0,
			"mistakes": map[string]any{
				"0": map[string]any{"file": "demoshop/customers.json", "line": 2.0, "column": 33.0, "record": 1.0, "id": "C2", "field": "contactEmail", "rule": "must be unique, record 0 has it too"},
				"1": map[string]any{"file": "demoshop/customers.json", "line": 2.0, "column": 70.0, "record": 1.0, "id": "C2", "field": "passwordHash", "rule": "must be a bcrypt hash"},
			},
		}, logs[0])

		// Another broken version has its own record; a touched one has none.
		f.write(t, "demoshop/sites.json", "[")
		f.pass(within)
		require.NoError(t, os.Chtimes(f.path("demoshop/sites.json"), time.Unix(1, 0), time.Unix(1, 0)))
		f.pass(time.Minute)
		assert.Equal(t, 1, f.countLogs())
		require.Len(t, mistakes(t, f.Err()), 3)
		assert.Equal(t, "EUR", f.currency("demoshop"))

		// Mended.
		f.write(t, "demoshop/sites.json", sitesIn("USD"))
		f.write(t, "demoshop/customers.json", goodCustomers)
		f.pass(within)
		assert.Equal(t, "USD", f.currency("demoshop"))
		assert.NoError(t, f.Err())
		assert.Equal(t, []string{"demoshop"}, f.takeTold())
	})
}

func TestFiles_BrokenVersionCanBeWithdrawn(t *testing.T) {
	follow(t, nil, func(t *testing.T, f *followed) {
		for range 2 {
			f.write(t, "demoshop/sites.json", "[")
			f.pass(within)
			assert.Error(t, f.Err())
			f.write(t, "demoshop/sites.json", sitesIn("EUR"))
			f.pass(within)
			assert.NoError(t, f.Err())
			assert.Equal(t, 2, f.countLogs(), "broken and withdrawn, each time")
		}
		assert.Empty(t, f.takeTold())
	})
}

func TestFiles_TouchedFileIsNoChange(t *testing.T) {
	follow(t, nil, func(t *testing.T, f *followed) {
		f.write(t, "demoshop/sites.json", sitesIn("EUR"))
		f.write(t, "demoshop/notes.txt", "x")
		f.pass(within)
		assert.Empty(t, f.takeTold())
		assert.Zero(t, f.countLogs())
	})
}

func TestFiles_TenantsComeAndGo(t *testing.T) {
	follow(t, nil, func(t *testing.T, f *followed) {
		f.write(t, "othershop/sites.json", sitesIn("SEK"))
		f.pass(within)
		assert.Equal(t, []string{"demoshop", "othershop"}, f.Tenants())
		assert.Equal(t, "SEK", f.currency("othershop"))
		assert.Equal(t, []string{"othershop"}, f.takeTold())

		f.remove(t, "demoshop")
		f.pass(within)
		assert.Equal(t, []string{"othershop"}, f.Tenants())
		assert.Empty(t, f.currency("demoshop"))
		_, ok := f.AccountOf("demoshop", "C1")
		assert.False(t, ok)
		assert.Equal(t, []string{"demoshop"}, f.takeTold())
		assert.NoError(t, f.Err())

		f.write(t, "demoshop/sites.json", sitesIn("GBP"))
		f.pass(within)
		assert.Equal(t, "GBP", f.currency("demoshop"))
		assert.Equal(t, []string{"demoshop"}, f.takeTold())
	})
}

func TestFiles_BrokenNewTenantIsServedOnceItIsCorrected(t *testing.T) {
	follow(t, nil, func(t *testing.T, f *followed) {
		require.NoError(t, os.Mkdir(f.path("othershop"), 0o755))
		f.pass(within)
		assert.ErrorContains(t, f.Err(), "othershop/sites.json: must exist")
		assert.Empty(t, f.currency("othershop"))
		f.write(t, "othershop/sites.json", sitesIn("SEK"))
		f.pass(within)
		assert.NoError(t, f.Err())
		assert.Equal(t, "SEK", f.currency("othershop"))

		f.write(t, "thirdshop/sites.json", "[")
		f.write(t, "My-Shop/sites.json", sitesIn("EUR"))
		f.pass(within)
		assert.Len(t, mistakes(t, f.Err()), 2)
		assert.Equal(t, []string{"demoshop", "othershop"}, f.Tenants())
		f.remove(t, "thirdshop")
		f.remove(t, "My-Shop")
		f.pass(within)
		assert.NoError(t, f.Err())
	})
}

func TestFiles_MissingOrEmptyRootTakesNothingAway(t *testing.T) {
	follow(t, nil, func(t *testing.T, f *followed) {
		away := t.TempDir() + "/away"
		require.NoError(t, os.Rename(string(f.folder), away))
		f.pass(time.Minute)
		assert.Equal(t, "EUR", f.currency("demoshop"))
		assert.ErrorIs(t, f.Err(), os.ErrNotExist)
		assert.Equal(t, 1, f.countLogs())

		require.NoError(t, os.Mkdir(string(f.folder), 0o755))
		f.pass(time.Minute)
		assert.Equal(t, "EUR", f.currency("demoshop"))
		assert.ErrorContains(t, f.Err(), "has none")
		assert.Equal(t, 1, f.countLogs())

		require.NoError(t, os.Remove(string(f.folder)))
		require.NoError(t, os.Rename(away, string(f.folder)))
		f.pass(within)
		assert.NoError(t, f.Err())
		assert.Empty(t, f.takeTold())
		f.write(t, "demoshop/sites.json", sitesIn("USD"))
		f.pass(within)
		assert.Equal(t, "USD", f.currency("demoshop"))
	})
}

func TestClose_EndsTheFollowing(t *testing.T) {
	follow(t, nil, func(t *testing.T, f *followed) {
		require.NoError(t, f.Close())
		require.NoError(t, f.Close())
		f.write(t, "demoshop/sites.json", sitesIn("USD"))
		f.pass(time.Minute)
		assert.Equal(t, "EUR", f.currency("demoshop"))
		assert.Empty(t, f.takeTold())
	})
}

func TestOpen_DefaultLoggerIsTheProgramsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		logs := &followed{t: t}
		old := slog.Default()
		defer slog.SetDefault(old)
		slog.SetDefault(slog.New(slog.NewJSONHandler(logs, nil)))
		dir := newFolder(t, nil)
		f, err := sitefile.Open(string(dir), sitefile.Config{})
		require.NoError(t, err)
		dir.write(t, "demoshop/sites.json", sitesIn("USD"))
		logs.pass(within)
		require.NoError(t, f.Close())
		assert.Equal(t, 1, logs.countLogs())
	})
}
