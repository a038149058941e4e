package server

import (
	"net/http"
	"strings"
)

// tenant returns the tenant that a path names: /shop/{tenant}/ and below; everything else is the first one's by name.
func (s *Server) tenant(r *http.Request) string {
	if rest, ok := strings.CutPrefix(r.URL.Path, "/shop/"); ok {
		tenant, _, _ := strings.Cut(rest, "/")
		return tenant
	}
	if tenants := s.files.Tenants(); len(tenants) > 0 {
		return tenants[0]
	}
	return ""
}
