package server

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/sessionctx/storefront/middleware/rest"
)

// tenant returns the tenant that a path names: /session-context/{tenant}/ and what is below it, and
// every pattern of the mux with {tenant}; everything else belongs to the first tenant by name. For
// the HTTP interface tenant splits the escaped path, as rest.Handler does, so that both find the
// same tenant.
func (s *Server) tenant(r *http.Request) string {
	if tenant := r.PathValue("tenant"); tenant != "" {
		return tenant
	}
	if below, ok := strings.CutPrefix(r.URL.EscapedPath(), rest.Prefix); ok {
		tenant, _, _ := strings.Cut(below, "/")
		tenant, _ = url.PathUnescape(tenant)
		return tenant
	}
	if tenants := s.files.Tenants(); len(tenants) > 0 {
		return tenants[0]
	}
	return ""
}

// before sends what begins with prefix to handler, and everything else to mux: a mux redirects
// paths that it finds unclean, and names of attributes may have any number of slashes.
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
