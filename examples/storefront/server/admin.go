package server

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/sessionctx/storefront/middleware"
	"github.com/sessionctx/storefront/sessionctx/inspect"
	"github.com/sessionctx/storefront/sessionctx/promctx"
)

// admin makes what operators see: the inspector at /, /metrics, /healthz and /readyz.
func (s *Server) admin(mw *middleware.Middleware) (err error) {
	s.inspector, err = inspect.New(inspect.Config{Resolver: s.resolver, Authorize: local, Request: mw.Request})
	if err != nil {
		return err
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(promctx.New(s.resolver), collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	mux := http.NewServeMux()
	mux.Handle("/{$}", s.inspector)
	mux.Handle("/metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	mux.HandleFunc("/healthz", probe(s.healthz))
	mux.HandleFunc("/readyz", probe(s.readyz))
	s.adminServer = s.httpServer(logged(s.logger, mux))
	return nil
}

// local reports whether a request comes from this machine and names this machine. A page of another
// site can make the operator's browser ask this machine under a name of that site (DNS rebinding),
// and then read the answer.
func local(r *http.Request) bool {
	from, err := netip.ParseAddrPort(r.RemoteAddr)
	host := (&url.URL{Host: r.Host}).Hostname() // without the brackets of IPv6, too
	return err == nil && from.Addr().Unmap().IsLoopback() && Loopback(host)
}

// Loopback reports whether a host is this machine alone.
func Loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.Unmap().IsLoopback()
}

// AdminHandler returns the handler of what operators see, and nil without Config.Admin.
func (s *Server) AdminHandler() http.Handler {
	if s.adminServer == nil {
		return nil
	}
	return s.adminServer.Handler
}

// ServeAdmin answers operators on listener until Close, so that probes are answered to the end. It
// closes listener.
func (s *Server) ServeAdmin(listener net.Listener) error {
	if s.adminServer == nil {
		return errors.Join(errors.New("storefront: Config.Admin is not set"), listener.Close())
	}
	if err := s.adminServer.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		s.logger.Error("the server for operators has ended", slog.Any("error", err))
		return fmt.Errorf("storefront: -admin: %w", err)
	}
	return nil
}
