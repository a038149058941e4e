package redisstore

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/redis/rueidis"
)

// DefaultPrefix is the prefix of a Config that states none.
const DefaultPrefix = "sessionctx:"

// DefaultLease is the lease of a Config that states none.
const DefaultLease = time.Second

// Config configures a Store. New copies it and never writes to it; a zero field is its documented default, and a value
// out of range is an error of New.
type Config struct {
	_ [0]func()

	// Client says how to reach the server: InitAddress has exactly one address, that of the primary; SelectDB, Username, Password or
	// AuthCredentialsFn, TLSConfig, Dialer and DialCtxFn are as in rueidis. Required. What the Store needs otherwise it sets by itself:
	// two clients, one for data and one that listens. The user needs
	//
	//	ACL SETUSER name on >password ~sessionctx:* +get +set +eval +evalsha +ping +client|tracking
	//
	// with the prefix of this Config, and +select if SelectDB is not 0.
	Client rueidis.ClientOption
	// Prefix begins every key, so that several shops can share a server without hearing of each other. 1 to 64 bytes; none may
	// be the beginning of another one on the same server. Default DefaultPrefix.
	Prefix string
	// Lease bounds how stale a read may be that is answered without asking the server. A shorter one costs more questions, four in each Lease, and
	// a network that is slower than it cannot use the cache at all. 50 ms to 1 min; default DefaultLease.
	Lease time.Duration
	// Logger receives what an operator should know: that the server does not tell of changes any more, and that it does again; never a key. Default:
	// slog.Default().
	Logger *slog.Logger
}

// withDefaults returns cfg with its defaults filled in, or every mistake in it.
func (cfg Config) withDefaults() (Config, error) {
	var errs []error
	bad := func(field string, value any, rule string) {
		errs = append(errs, fmt.Errorf("redisstore: Config.%s %v: %s", field, value, rule))
	}
	if cfg.Prefix == "" {
		cfg.Prefix = DefaultPrefix
	}
	if len(cfg.Prefix) > 64 {
		bad("Prefix", fmt.Sprintf("%q", cfg.Prefix[:64]), "must have 1 to 64 bytes")
	}
	if cfg.Lease == 0 {
		cfg.Lease = DefaultLease
	}
	if cfg.Lease < 50*time.Millisecond || cfg.Lease > time.Minute {
		bad("Lease", cfg.Lease, "must be 50ms to 1m0s")
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	c := &cfg.Client
	c.InitAddress = slices.Clone(c.InitAddress)
	switch {
	case len(c.InitAddress) != 1:
		bad("Client.InitAddress", fmt.Sprintf("has %d addresses", len(c.InitAddress)), "must be one, host:port, of the primary: neither a cluster nor replicas are supported")
	case strings.Contains(c.InitAddress[0], "://"): // not shown: a password may be part of it
		bad("Client.InitAddress", "is a URL", "must be host:port; rueidis.ParseURL makes a Client of a URL")
	}
	for _, option := range []struct {
		name string
		set  bool
	}{
		{"Sentinel", c.Sentinel.MasterSet != ""},
		{"Standalone", len(c.Standalone.ReplicaAddress) > 0 || c.Standalone.EnableRedirect},
		{"ReplicaOnly", c.ReplicaOnly},
		{"SendToReplicas", c.SendToReplicas != nil},
		{"AlwaysRESP2", c.AlwaysRESP2},
		{"ClientTrackingOptions", c.ClientTrackingOptions != nil},
		{"OnInvalidations", c.OnInvalidations != nil},
		{"ConnLifetime", c.ConnLifetime != 0}, // rueidis sends again what was under way, and a Save may have been applied
	} {
		if option.set {
			bad("Client."+option.name, "is set", "must not be: the Store reads from one primary, listens by itself, and never sends a write twice")
		}
	}
	return cfg, errors.Join(errs...)
}

// What is reasonable between a server and its clients, where rueidis' defaults would have people wait.
const (
	dialTimeout = time.Second
	pingAfter   = time.Second           // of silence
	deadAfter   = 2 * time.Second       // without an answer the connection is given up
	gatherFor   = 36 * time.Microsecond // calls that come together share a packet, which a cold Resolve gains most by (BenchmarkResolveCold)
)

// clientOption is what both clients have in common.
func (cfg *Config) clientOption() rueidis.ClientOption {
	o := cfg.Client
	o.ForceSingleClient = true // else it asks for a cluster first
	o.DisableCache = true      // the near-cache is the Resolver's
	o.DisableRetry = true      // it would go on until the caller's time is over, though the server refuses connections
	o.DisableAutoPipelining = false
	o.PipelineMultiplex = -1  // one connection: what waits together goes together, and a caller never waits for a second dial
	o.AlwaysPipelining = true // a connection that the server has closed is noticed at once, not when it is used
	if o.ClientName == "" {
		o.ClientName = "sessionctx"
	}
	if o.ClientSetInfo == nil {
		o.ClientSetInfo = []string{} // which would take one more permission
	}
	if o.Dialer.Timeout == 0 {
		o.Dialer.Timeout = dialTimeout
	}
	if o.Dialer.KeepAlive <= 0 { // it is also how often a silent connection is asked whether it lives: never is too seldom
		o.Dialer.KeepAlive = pingAfter
	}
	if o.MaxFlushDelay == 0 {
		o.MaxFlushDelay = gatherFor
	}
	if o.ConnWriteTimeout <= 0 {
		o.ConnWriteTimeout = deadAfter
	}
	return o
}
