// Figures runs the proofs and the measurements of this module and writes what they found into the tables of docs/.
//
// Usage, from the root of the repository:
//
//	go run ./internal/verify/figures [-short] [-run regexp] [-list]
//
// A table stands in a page between <!-- table NAME --> and <!-- end -->; what is between them is replaced. The long setting takes
// hours, and wants a machine that does nothing else.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/sessionctx/storefront/internal/verify/tables"
)

func main() {
	short := flag.Bool("short", false, "the setting of the gate instead of the long one")
	only := flag.String("run", "", "`regexp`: only the runs of these names")
	list := flag.Bool("list", false, "print the commands of the runs, and run none")
	flag.Parse()
	if err := work(*short, *only, *list); err != nil {
		fmt.Fprintln(os.Stderr, "figures:", err)
		os.Exit(1)
	}
}

func work(short bool, only string, list bool) error {
	wanted, err := regexp.Compile(only)
	if err != nil {
		return err
	}
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/sessionctx/storefront").Output()
	if err != nil {
		return fmt.Errorf("where is the repository? %w", err)
	}
	root := strings.TrimSpace(string(out))
	kept, err := os.MkdirTemp("", "figures-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(kept)
	var failed []string
	for _, r := range runs {
		if !wanted.MatchString(r.name) {
			continue
		}
		fmt.Printf("== %s: %s\n", r.name, r.command(short))
		if list {
			continue
		}
		begin := time.Now()
		if err := r.run(root, kept, short); err != nil {
			failed = append(failed, r.name)
		}
		fmt.Printf("== %s: %v\n", r.name, time.Since(begin).Round(time.Second))
	}
	if list {
		return nil
	}
	if err := publish(kept, filepath.Join(root, "docs")); err != nil {
		return err
	}
	if len(failed) > 0 {
		return fmt.Errorf("these failed: %s", strings.Join(failed, ", "))
	}
	return nil
}

// run is one go test that writes tables.
type run struct {
	name string
	args string   // of go test
	long []string // the environment of the long setting
}

func (r run) command(short bool) string {
	env := ""
	if !short && len(r.long) > 0 {
		env = strings.Join(r.long, " ") + " "
	}
	return env + "go test -count=1 -timeout 12h " + r.args
}

func (r run) run(root, kept string, short bool) error {
	cmd := exec.Command("go", append([]string{"test", "-count=1", "-timeout", "12h"}, strings.Fields(r.args)...)...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = root, os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(), tables.Variable+"="+kept, "REQUIRE_SERVERS=1")
	if !short {
		cmd.Env = append(cmd.Env, r.long...)
	}
	return cmd.Run()
}

// publish puts what was kept into the pages, and the plots beside them.
func publish(kept, docs string) error {
	plots, err := filepath.Glob(filepath.Join(kept, "*.svg"))
	if err != nil {
		return err
	}
	for _, p := range plots {
		text, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		if err := os.MkdirAll(filepath.Join(docs, "plots"), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(docs, "plots", filepath.Base(p)), text, 0o644); err != nil {
			return err
		}
	}
	pages, err := filepath.Glob(filepath.Join(docs, "*.md"))
	if err != nil {
		return err
	}
	for _, p := range pages {
		text, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		next, err := fill(text, func(name string) ([]byte, error) {
			table, err := os.ReadFile(filepath.Join(kept, name+".md"))
			if os.IsNotExist(err) {
				return nil, nil // its run was not asked for
			}
			return table, err
		})
		if err != nil {
			return fmt.Errorf("%s: %w", p, err)
		}
		if !bytes.Equal(next, text) {
			if err := os.WriteFile(p, next, 0o644); err != nil {
				return err
			}
			fmt.Println("written:", p)
		}
	}
	return nil
}

var place = regexp.MustCompile(`(?s)<!-- table ([a-z0-9-]+) -->\n.*?<!-- end -->`)

// fill replaces the tables of a page by those that there are.
func fill(page []byte, table func(name string) ([]byte, error)) (filled []byte, err error) {
	filled = place.ReplaceAllFunc(page, func(old []byte) []byte {
		name := string(place.FindSubmatch(old)[1])
		text, e := table(name)
		if e != nil {
			err = e
		}
		if text == nil {
			return old
		}
		return fmt.Appendf(nil, "<!-- table %s -->\n%s<!-- end -->", name, text)
	})
	return filled, err
}
