package sitefile_test

import (
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/sessionctx/storefront/defaults/sitefile"
)

// A folder is followed: a new version is written beside the old one and renamed, so that it is
// never seen half.
func ExampleFiles_Watch() {
	dir, err := os.MkdirTemp("", "shops")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	if err := os.CopyFS(dir, os.DirFS("testdata/shops")); err != nil {
		log.Fatal(err)
	}

	files, err := sitefile.Open(dir, sitefile.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer files.Close()
	changed := make(chan string, 1)
	stop := files.Watch(func(tenant, _ string) { changed <- tenant })
	defer stop()

	clients := filepath.Join(dir, "demoshop", "clients.json")
	if err := os.WriteFile(clients+".new", []byte(`[{"clientId": "kiosk", "public": true}]`), 0o600); err != nil {
		log.Fatal(err)
	}
	if err := os.Rename(clients+".new", clients); err != nil {
		log.Fatal(err)
	}
	fmt.Println("changed:", <-changed)
	_, ok := files.Client("demoshop", "kiosk")
	fmt.Println("kiosk:", ok)
	// Output:
	// changed: demoshop
	// kiosk: true
}
