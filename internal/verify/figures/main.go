// Figures runs the proofs and the measurements of this module and writes what they found into the
// tables of docs/.
//
// Usage, from the root of the repository:
//
//	go run ./internal/verify/figures [-short] [-run regexp] [-list]
//
// A table stands in a page between <!-- table NAME --> and <!-- end -->; what is between them is
// replaced, and says by which command it was made, on which commit. The long setting takes hours,
// and wants a machine that does nothing else. With -short an environment variable of the long
// setting is taken as it is: PHASE=10s go run ./internal/verify/figures -short -run processes.
package main

import (
	"cmp"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sessionctx/storefront/internal/verify/evidence"
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
		return fmt.Errorf("the repository was not found: %w", err)
	}
	root := strings.TrimSpace(string(out))
	commit, err := commitOf(root)
	if err != nil {
		return err
	}
	kept, err := os.MkdirTemp("", "figures-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(kept)
	var names, failed []string
	tables := map[string]string{} // by name
	matched := false
	for _, r := range runs {
		names = append(names, r.name)
		if !wanted.MatchString(r.name) {
			continue
		}
		matched = true
		fmt.Printf("== %s: %s\n", r.name, r.command(short))
		if list {
			continue
		}
		begin := time.Now()
		if err := r.run(root, kept, short); err != nil {
			failed = append(failed, r.name)
		}
		if err := collect(kept, fmt.Sprintf("Made by `%s` on %s.", r.made(short), commit), tables); err != nil {
			return err
		}
		fmt.Printf("== %s: %v\n", r.name, time.Since(begin).Round(time.Second))
	}
	if !matched {
		return fmt.Errorf("no run is named like %q; there are: %s", only, strings.Join(names, ", "))
	}
	if err := publish(tables, filepath.Join(root, "docs")); err != nil {
		return err
	}
	if len(failed) > 0 {
		return fmt.Errorf("these failed: %s", strings.Join(failed, ", "))
	}
	return nil
}

// run is one go test that writes tables, or rounds of benchmarks.
type run struct {
	name  string
	args  string   // of go test
	long  []string // the environment of the long setting
	table table    // of benchmarks
}

func (r run) command(short bool) string {
	env := ""
	if !short && len(r.long) > 0 {
		env = strings.Join(r.long, " ") + " "
	}
	return env + "go test -count=1 -timeout 12h " + r.args
}

func (r run) run(root, kept string, short bool) error {
	args := append([]string{"test", "-count=1", "-timeout", "12h"}, words(r.args)...)
	test := func(out io.Writer) error {
		cmd := exec.Command("go", args...)
		cmd.Dir, cmd.Stdout, cmd.Stderr = root, out, os.Stderr
		cmd.Env = append(os.Environ(), evidence.Variable+"="+kept, "REQUIRE_SERVERS=1")
		if !short {
			cmd.Env = append(cmd.Env, r.long...)
		}
		return cmd.Run()
	}
	if r.table.name == "" {
		return test(os.Stdout)
	}
	rounds, err := strconv.Atoi(r.setting("PAIRS", "1", short))
	if err != nil {
		return fmt.Errorf("PAIRS: %w", err)
	}
	args = append(args, "-benchtime", r.setting("ROUND", "10ms", short))
	found, processor := results{}, ""
	for range rounds { // not -count, which would run all rounds of one benchmark, and then of the next
		var out strings.Builder
		if err := test(io.MultiWriter(os.Stdout, &out)); err != nil {
			return err
		}
		found.add(out.String())
		_, after, _ := strings.Cut(out.String(), "\ncpu: ")
		processor, _, _ = strings.Cut(after, "\n")
	}
	text, err := found.markdown(r.table)
	if err != nil {
		return err
	}
	text += fmt.Sprintf("\nOn %d processors, %s, with %s for %s/%s.\n", runtime.NumCPU(), processor, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	fmt.Print(text)
	return os.WriteFile(filepath.Join(kept, r.table.name+".md"), []byte(text), 0o644)
}

// setting returns a variable of the long setting, or that of the environment.
func (r run) setting(name, otherwise string, short bool) string {
	for _, variable := range r.long {
		if value, ok := strings.CutPrefix(variable, name+"="); ok && !short {
			return value
		}
	}
	return cmp.Or(os.Getenv(name), otherwise)
}

// words splits a command line at spaces, but for those between single quotes.
func words(line string) (words []string) {
	for i, part := range strings.Split(line, "'") {
		if i%2 == 1 {
			words = append(words, part)
		} else {
			words = append(words, strings.Fields(part)...)
		}
	}
	return words
}

// made returns the command that a reader can repeat.
func (r run) made(short bool) string {
	var env []string
	if !short {
		env = r.long
	} else {
		for _, variable := range r.long {
			name, _, _ := strings.Cut(variable, "=")
			if value := os.Getenv(name); value != "" {
				env = append(env, name+"="+value)
			}
		}
	}
	command := "go test " + r.args
	if r.table.name != "" {
		command = "go run ./internal/verify/figures -short -run " + r.name
	}
	return strings.Join(append(slices.Clone(env), command), " ")
}

// commitOf returns the commit, with "-dirty" if the tree has changes. Changes in docs do not count,
// because runs write them.
func commitOf(root string) (string, error) {
	commit, err := exec.Command("git", "-C", root, "rev-parse", "--short", "HEAD").Output()
	name := strings.TrimSpace(string(commit))
	if err == nil && exec.Command("git", "-C", root, "diff", "--quiet", "HEAD", "--", ".", ":!docs").Run() != nil {
		name += "-dirty"
	}
	return name, err
}

// collect takes the tables that a run has left in a folder, and says under each what made it.
func collect(kept, made string, tables map[string]string) error {
	names, err := filepath.Glob(filepath.Join(kept, "*.md"))
	if err != nil {
		return err
	}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		tables[strings.TrimSuffix(filepath.Base(name), ".md")] = fmt.Sprintf("%s\n%s\n", text, made)
		if err := os.Remove(name); err != nil {
			return err
		}
	}
	return nil
}

// publish puts the tables into the pages.
func publish(tables map[string]string, docs string) error {
	return filepath.WalkDir(docs, func(page string, d fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(page) != ".md" {
			return err
		}
		text, err := os.ReadFile(page)
		if err != nil {
			return err
		}
		next := fill(string(text), tables)
		if next == string(text) {
			return nil
		}
		fmt.Println("written:", page)
		return os.WriteFile(page, []byte(next), 0o644)
	})
}

var place = regexp.MustCompile(`(?s)<!-- table ([a-z0-9-]+) -->\n.*?<!-- end -->`)

// fill replaces the tables of a page that have a new text. The others stay, because their runs were
// not asked for.
func fill(page string, tables map[string]string) string {
	return place.ReplaceAllStringFunc(page, func(old string) string {
		name := place.FindStringSubmatch(old)[1]
		if text, ok := tables[name]; ok {
			return fmt.Sprintf("<!-- table %s -->\n%s<!-- end -->", name, text)
		}
		return old
	})
}
