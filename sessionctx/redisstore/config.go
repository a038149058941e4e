package redisstore

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/redis/rueidis"

	"github.com/sessionctx/storefront/sessionctx/store"
)

// DefaultPrefix is the prefix of a Config that states none.
const DefaultPrefix = "sessionctx:"

// DefaultLease is the lease of a Config that states none.
const DefaultLease = time.Second

// Config configures a Store. New copies it and never writes to it. A zero field is its documented
// default; a value out of range is an error of New.
type Config struct {
	_ [0]func()

	// Client says how to reach the server. InitAddress has exactly one address, that of the
	// primary. SelectDB, Username, Password or AuthCredentialsFn, TLSConfig, Dialer, DialFn and
	// DialCtxFn are as in rueidis. Required. ClientName, ClientSetInfo, MaxFlushDelay and
	// ConnWriteTimeout have defaults of the Store. The Store itself sets what its promises need,
	// and New refuses an option that contradicts them. The Store uses two clients, one for data and
	// one that receives invalidations. The user needs
	//
	//	ACL SETUSER name on >password ~sessionctx:* +get +set +eval +evalsha +ping
	//	    +client|tracking +scan +info
	//
	// with the prefix of this Config, and +select if SelectDB is not 0. Only Erase needs +scan.
	// +info is for the check of maxmemory-policy: without it New logs a warning instead.
	Client rueidis.ClientOption
	// Prefix begins every key, so that several shops can share a server and do not receive the
	// invalidations of each other. 1 to 64 bytes without "{" and "}". No prefix may be the
	// beginning of another one on the same server. Default DefaultPrefix.
	Prefix string
	// Lease bounds how stale a read may be that is answered without asking the server. The server
	// is asked four times in each lease, so a shorter lease costs more questions. A network that is
	// slower than the lease cannot use the cache at all. 50 ms to 1 min; default DefaultLease.
	Lease time.Duration
	// LazyConnect lets New succeed while the server cannot be reached or must not be used: New
	// tries once, for a few seconds at most, and the Store goes on trying four times a second. All
	// calls fail with store.ErrUnavailable until the server is connected, so a Resolver answers
	// degraded. Once the server answers, it is checked as by New; a server that must not be used is
	// an error in the log. Mistakes in this Config are errors of New as ever. Default: New fails,
	// so that a wrong address or password is seen when a process starts.
	LazyConnect bool
	// Logger receives what an operator should know: that the invalidation connection is lost, and
	// that it is back; that the server is not supported; that the eviction policy cannot be
	// checked. It never receives a key. Default: slog.Default().
	Logger *slog.Logger
}

// withDefaults returns cfg with its defaults filled in, or every mistake in it.
func (cfg Config) withDefaults() (Config, error) {
	var errs []error
	bad := func(field, value, rule string) {
		errs = append(errs, &store.ConfigError{Field: "redisstore.Config." + field, Value: value, Rule: rule})
	}
	if cfg.Prefix == "" {
		cfg.Prefix = DefaultPrefix
	}
	if len(cfg.Prefix) > maxPrefix {
		bad("Prefix", cfg.Prefix[:maxPrefix], fmt.Sprintf("must have 1 to %d bytes, and has %d", maxPrefix, len(cfg.Prefix)))
	} else if strings.ContainsAny(cfg.Prefix, "{}") {
		bad("Prefix", cfg.Prefix, `must not contain "{" or "}": a pair of them fixes the cluster slot of each key`)
	}
	if cfg.Lease == 0 {
		cfg.Lease = DefaultLease
	}
	if cfg.Lease < 50*time.Millisecond || cfg.Lease > time.Minute {
		bad("Lease", cfg.Lease.String(), "must be 50ms to 1m0s")
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	c := &cfg.Client
	c.InitAddress = slices.Clone(c.InitAddress)
	switch {
	case len(c.InitAddress) == 0:
		bad("Client.InitAddress", "", "is required: one address, host:port, of the primary")
	case len(c.InitAddress) > 1:
		bad("Client.InitAddress", fmt.Sprintf("%d addresses", len(c.InitAddress)),
			"must be one, host:port, of the primary: neither a cluster nor replicas are supported")
	case strings.Contains(c.InitAddress[0], "://"): // not shown: a password may be part of it
		bad("Client.InitAddress", "", "must be host:port, and is a URL; rueidis.ParseURL makes a Client of a URL")
	}
	for _, option := range []struct {
		name string
		set  bool
		why  string
	}{
		{"Sentinel", c.Sentinel.MasterSet != "", "the Store reads from one primary"},
		{"Standalone", len(c.Standalone.ReplicaAddress) > 0 || c.Standalone.EnableRedirect, "the Store reads from one primary"},
		{"ReplicaOnly", c.ReplicaOnly, "the Store reads from one primary"},
		{"SendToReplicas", c.SendToReplicas != nil, "the Store reads from one primary"},
		{"AlwaysRESP2", c.AlwaysRESP2, "the server sends invalidations over RESP3"},
		{"ClientTrackingOptions", c.ClientTrackingOptions != nil, "the Store receives the invalidations itself"},
		{"OnInvalidations", c.OnInvalidations != nil, "the Store receives the invalidations itself"},
		{"ConnLifetime", c.ConnLifetime != 0, "rueidis would send a write twice when the lifetime ends"},
	} {
		if option.set {
			bad("Client."+option.name, "", "must not be set: "+option.why)
		}
	}
	return cfg, errors.Join(errs...)
}

// Time limits that are reasonable between a server and its clients. The defaults of rueidis are
// much longer.
const (
	dialTimeout = time.Second
	pingAfter   = time.Second     // of silence
	deadAfter   = 2 * time.Second // without an answer the connection is given up
	// Calls that come within this time share a packet. A cold Resolve gains most by it
	// (BenchmarkResolveCold).
	flushDelay = 36 * time.Microsecond
)

// clientOption returns what both clients have in common.
func (cfg *Config) clientOption() rueidis.ClientOption {
	o := cfg.Client
	o.ForceSingleClient = true // otherwise rueidis asks for a cluster first
	o.DisableCache = true      // the near-cache belongs to the Resolver
	o.DisableRetry = true      // rueidis would retry while the server refuses connections
	o.DisableAutoPipelining = false
	o.PipelineMultiplex = -1  // one connection: calls share packets, and none waits for a second dial
	o.BlockingPipeline = -1   // a large pipeline must not open another connection
	o.RingScaleEachConn = 10  // 1,024 calls: more than maxLoads and maxSaves together
	o.AlwaysPipelining = true // rueidis notices at once that the server has closed the connection
	if o.ClientName == "" {
		o.ClientName = "sessionctx"
	}
	if o.ClientSetInfo == nil {
		o.ClientSetInfo = []string{} // it would need one more permission
	}
	if o.Dialer.Timeout == 0 {
		o.Dialer.Timeout = dialTimeout
	}
	if o.Dialer.KeepAlive <= 0 { // rueidis also pings a silent connection this often; it must do so
		o.Dialer.KeepAlive = pingAfter
	}
	if o.MaxFlushDelay == 0 {
		o.MaxFlushDelay = flushDelay
	}
	if o.ConnWriteTimeout <= 0 {
		o.ConnWriteTimeout = deadAfter
	}
	return o
}
