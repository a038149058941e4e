package server

import (
	"context"
	"log/slog"
	"net/http"
)

// probe answers a probe: GET and HEAD, and 405 for the rest.
func probe(get http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			answer(w, http.StatusMethodNotAllowed, "the method must be GET or HEAD")
			return
		}
		get(w, r)
	}
}

// healthz says that the process answers. It asks neither the store nor the directory, because a
// restart would not repair them.
func (s *Server) healthz(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, "ok") }

// readyz says whether requests should be sent here: not while it stops, and not while the store
// does not answer. A directory that fails is no reason: no other server has better answers.
func (s *Server) readyz(w http.ResponseWriter, r *http.Request) {
	if s.stopping.Load() {
		answer(w, http.StatusServiceUnavailable, "stopping")
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), probeTimeout)
	defer cancel()
	if health := s.resolver.Check(ctx); health.Store != nil {
		s.logger.LogAttrs(ctx, slog.LevelWarn, "not ready", slog.Any("error", health.Store))
		answer(w, http.StatusServiceUnavailable, "the store does not answer")
		return
	}
	answer(w, http.StatusOK, "ready")
}

func answer(w http.ResponseWriter, code int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(code)
	w.Write([]byte(text + "\n"))
}
