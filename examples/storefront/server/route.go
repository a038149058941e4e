package server

import (
	"net/http"
	"strings"

	"github.com/sessionctx/storefront/middleware/rest"
)

// tenant returns the tenant that a path names: /shop/{tenant}/, /session-context/{tenant}/ and what is below them; everything
// else is the first tenant's by name.
func (s *Server) tenant(r *http.Request) string {
	for _, prefix := range []string{"/shop/", rest.Prefix} {
		if rest, ok := strings.CutPrefix(r.URL.Path, prefix); ok {
			tenant, _, _ := strings.Cut(rest, "/")
			return tenant
		}
	}
	if tenants := s.files.Tenants(); len(tenants) > 0 {
		return tenants[0]
	}
	return ""
}

// before sends what begins with prefix to handler, and everything else to mux: a mux redirects paths that it finds unclean,
// and names of attributes may have any number of slashes.
func before(mux *http.ServeMux, prefix string, handler http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, prefix) {
			r.Pattern = prefix
			handler.ServeHTTP(w, r)
			return
		}
		mux.ServeHTTP(w, r)
	})
}
