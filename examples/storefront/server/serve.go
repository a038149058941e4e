package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"
)

const (
	probeTimeout    = time.Second
	shutdownTimeout = 10 * time.Second
)

// httpServer returns a server with limits.
func (s *Server) httpServer(handler http.Handler) *http.Server {
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       15 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    32 << 10,
		ErrorLog:          slog.NewLogLogger(s.logger.Handler(), slog.LevelWarn),
	}
}

// Serve answers on listener until ctx ends. Then /readyz answers 503 for the time of Config.Drain,
// while everything else is answered as before: a load balancer that still sends requests learns of
// the end before they are refused. After that Serve refuses new connections, waits up to 10 s for
// the requests that are being answered, and returns nil if all of them were. It closes listener.
func (s *Server) Serve(ctx context.Context, listener net.Listener) error {
	hs := s.httpServer(s.handler)
	defer listener.Close() // hs closes it later if it is stopped before it has begun
	failed := make(chan error, 1)
	go func() { failed <- hs.Serve(listener) }()
	select {
	case err := <-failed:
		return fmt.Errorf("storefront: %w", err)
	case <-ctx.Done():
	}
	s.stopping.Store(true)
	s.logger.LogAttrs(context.WithoutCancel(ctx), slog.LevelInfo, "stopping", slog.Duration("drain", s.drain))
	hs.SetKeepAlivesEnabled(false) // clients come back on a new connection, to another server
	drained := time.NewTimer(s.drain)
	defer drained.Stop()
	select {
	case err := <-failed:
		return fmt.Errorf("storefront: %w", err)
	case <-drained.C:
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
	defer cancel()
	if err := hs.Shutdown(grace); err != nil {
		return fmt.Errorf("storefront: requests were still being answered: %w", errors.Join(err, hs.Close()))
	}
	return nil
}
