package shop

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"net/http"
	"path"
	"time"
)

//go:embed assets
var assetFiles embed.FS

// assetVersion names the state of all assets, so that browsers may keep them for ever.
var assetVersion = func() string {
	sum := sha256.New()
	names, _ := fs.Glob(assetFiles, "assets/*")
	for _, name := range names {
		b, _ := assetFiles.ReadFile(name)
		sum.Write([]byte(name))
		sum.Write(b)
	}
	return hex.EncodeToString(sum.Sum(nil)[:6])
}()

func assetPath(name string) string { return "/assets/" + assetVersion + "/" + name }

var assetTypes = map[string]string{
	".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml",
}

func serveAsset(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	content, err := assetFiles.ReadFile("assets/" + name)
	if err != nil {
		denyCaching(w.Header())
		http.NotFound(w, r)
		return
	}
	h := w.Header()
	h.Set("Content-Type", assetTypes[path.Ext(name)])
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	if r.PathValue("version") == assetVersion {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	} else {
		h.Set("Cache-Control", "no-cache") // a page of another version of the shop asks
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
}

func denyCaching(h http.Header) { h.Set("Cache-Control", "private, no-store") }
