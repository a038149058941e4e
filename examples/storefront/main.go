// Storefront is a shop that runs on the session context: pages at / and /shop/{tenant}/, for people
// to try and for engineers to read.
//
// Usage, from the root of the repository:
//
//	go run ./examples/storefront [-addr 127.0.0.1:8080] [-data DIR]
//		[-store memory|bolt:PATH|redis://HOST:PORT/DB]
//		[-key FILE] [-trusted-proxy PREFIX[,PREFIX]] [-cors ORIGIN[,ORIGIN]]
//		[-insecure-cookie] [-drain 2s] [-admin 127.0.0.1:9090]
//
// It speaks plain HTTP. Browsers keep its cookie over plain HTTP only from this machine's own
// addresses. So it listens on another address only behind a proxy that -trusted-proxy names, which
// speaks HTTPS, or with -insecure-cookie.
//
// With -admin a second address, of this machine alone, has a page for operators at /, /metrics for
// Prometheus, /healthz and /readyz.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/sessionctx/storefront/examples/storefront/server"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal kills
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run serves until ctx ends, and returns the exit code: 0, 1 for a failure, 2 for flags that are
// wrong.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	cfg := server.Config{Logger: slog.New(slog.NewJSONHandler(stderr, nil))}
	flags := flag.NewFlagSet("storefront", flag.ContinueOnError)
	flags.SetOutput(stderr)
	addr := flags.String("addr", "127.0.0.1:8080", "`host:port` to listen on; port 0 takes a free one")
	flags.StringVar(&cfg.DataDir, "data", "", "`folder` with one folder for each tenant, followed when it changes (default: the sample shop)")
	flags.StringVar(&cfg.Store, "store", "memory", "where sessions are kept: memory, bolt:`path` or redis://host:port/db")
	flags.StringVar(&cfg.KeyFile, "key", "", "`file` with the key that signs tokens: 32 bytes in hex (default: a random key)")
	flags.StringVar(&cfg.TrustedProxies, "trusted-proxy", "", "the reverse proxies whose X-Forwarded-For is believed: `address or network`, several with commas")
	flags.StringVar(&cfg.Origins, "cors", "", "the `origins` of other sites whose scripts may call the interfaces, with commas")
	flags.BoolVar(&cfg.InsecureCookie, "insecure-cookie", false, "have browsers keep the session cookie over plain HTTP, where everybody on the way can read it")
	flags.DurationVar(&cfg.Drain, "drain", 2*time.Second, "how `long` /readyz answers 503 before a server that is told to stop refuses requests")
	admin := flags.String("admin", "", "`host:port` of this machine alone for operators: the inspector, /metrics, /healthz, /readyz (default: none)")
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		return 0
	} else if err != nil {
		return 2
	}
	if flags.NArg() > 0 {
		fmt.Fprintf(stderr, "storefront: unexpected argument %q: everything is a flag\n", flags.Arg(0))
		return 2
	}

	if cfg.Drain == 0 {
		cfg.Drain = -1
	} else if cfg.Drain < 0 {
		fmt.Fprintf(stderr, "storefront: -drain %q: must be between 0s and 1h\n", cfg.Drain)
		return 2
	}
	if host, _, err := net.SplitHostPort(*addr); err == nil && !server.Loopback(host) && !cfg.InsecureCookie && cfg.TrustedProxies == "" {
		fmt.Fprintf(stderr, "storefront: -addr %q: must be a loopback address: this server speaks plain HTTP, and other than from "+
			"http://localhost browsers keep the session cookie over HTTPS only. Put a proxy before it that speaks HTTPS and name it "+
			"with -trusted-proxy, or, for a trial, set -insecure-cookie\n", *addr)
		return 2
	}

	if host, _, err := net.SplitHostPort(*admin); *admin != "" && (err != nil || !server.Loopback(host)) {
		fmt.Fprintf(stderr, "storefront: -admin %q: must be a loopback address and a port, for example 127.0.0.1:9090: what it serves has no login. "+
			"To look from elsewhere, go through ssh -L 9090:127.0.0.1:9090\n", *admin)
		return 2
	}
	cfg.Admin = *admin != ""

	s, err := server.New(cfg)
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 1
	}
	defer s.Close()
	listener, err := net.Listen("tcp", *addr)
	if err != nil {
		fmt.Fprintf(stderr, "storefront: -addr %q: %v\n", *addr, err)
		return 1
	}
	if cfg.Admin {
		operators, err := net.Listen("tcp", *admin)
		if err != nil {
			fmt.Fprintf(stderr, "storefront: -admin %q: %v\n", *admin, errors.Join(err, listener.Close()))
			return 1
		}
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			s.ServeAdmin(operators) // its errors are in the log: the shop goes on without it
		}()
		defer func() {
			s.Close()
			<-ended
		}()
		fmt.Fprintf(stdout, "operators on http://%s\n", operators.Addr())
	}
	fmt.Fprintf(stdout, "listening on http://%s\n", listener.Addr())
	if err := s.Serve(ctx, listener); err != nil {
		fmt.Fprintln(stderr, err)
		return 1
	}
	return 0
}
