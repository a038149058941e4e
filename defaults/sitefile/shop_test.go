package sitefile_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

// hash has the shape of a bcrypt hash.
const hash = "$2a$10$u4v305fOLswKwhyrMPrjLOM6CYU35ETSxZEKECCMQRpZRMqXvdpZq"

const (
	goodCustomers = `[{"id": "C1", "contactEmail": "Anna@Shop.example", "passwordHash": "` + hash + `"}]`
	goodClients   = `[{"clientId": "web", "public": true}]`
)

// sitesIn is a file of one site.
func sitesIn(currency string) string {
	return fmt.Sprintf(`[{"code": "main", "default": true, "currency": %q, "defaultLanguage": "de", "homeBase": {"address": {"country": "DE"}}}]`, currency)
}

// shop is a valid root with one tenant, in which the named files are other ones; an empty text
// removes a file.
func shop(files map[string]string) fstest.MapFS {
	fsys := fstest.MapFS{
		"demoshop/sites.json":     {Data: []byte(sitesIn("EUR"))},
		"demoshop/customers.json": {Data: []byte(goodCustomers)},
		"demoshop/clients.json":   {Data: []byte(goodClients)},
	}
	for name, data := range files {
		if data == "" {
			delete(fsys, name)
			continue
		}
		fsys[name] = &fstest.MapFile{Data: []byte(data)}
	}
	return fsys
}

// folder is a shop on the disk.
type folder string

func newFolder(t *testing.T, files map[string]string) folder {
	t.Helper()
	dir := folder(t.TempDir())
	for name, file := range shop(files) {
		dir.write(t, name, string(file.Data))
	}
	return dir
}

func (d folder) path(name string) string { return filepath.Join(string(d), filepath.FromSlash(name)) }

func (d folder) write(t *testing.T, name, data string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(d.path(name)), 0o755))
	require.NoError(t, os.WriteFile(d.path(name), []byte(data), 0o600))
}

func (d folder) rename(t *testing.T, from, to string) {
	t.Helper()
	require.NoError(t, os.Rename(d.path(from), d.path(to)))
}

func (d folder) remove(t *testing.T, name string) {
	t.Helper()
	require.NoError(t, os.RemoveAll(d.path(name)))
}

// sampleShops is the root of the sample data.
func sampleShops(t *testing.T) fs.FS {
	t.Helper()
	return os.DirFS(filepath.Join("testdata", "shops"))
}
