// Release prepares, checks and writes a release of all published modules of the repository. It runs
// in the workspace, from the root of the repository:
//
//	go run ./internal/release vX.Y.Z             check all, then make one commit and the tags
//	go run ./internal/release -n vX.Y.Z          the same checks; nothing is changed
//	go run ./internal/release -proxy DIR vX.Y.Z  write the files that GOPROXY=file://DIR serves
//	go run ./internal/release -tidy              go mod tidy in all modules; with -n it only compares
//
// A module of go.work is published unless it is below internal or below examples. Nothing is
// pushed.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	context.AfterFunc(ctx, stop)
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run returns the exit code: 0 for success, 1 if the command fails or the release is refused, 2 if
// the arguments are wrong.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("release", flag.ContinueOnError)
	flags.SetOutput(stderr)
	proxy := flags.String("proxy", "", "write the release into this `folder`, for GOPROXY=file://folder")
	onlyTidy := flags.Bool("tidy", false, "run go mod tidy in all modules, each without the workspace")
	dry := flags.Bool("n", false, "change nothing in the repository")
	if flags.Parse(args) != nil {
		return 2
	}
	versions := 1
	if *onlyTidy {
		versions = 0
	}
	if flags.NArg() != versions || *onlyTidy && *proxy != "" {
		fmt.Fprintln(stderr, "release: the arguments are [-n | -proxy DIR] vX.Y.Z, or -tidy [-n]")
		return 2
	}
	root, err := filepath.Abs(".")
	if err == nil {
		switch {
		case *onlyTidy:
			err = tidy(ctx, root, *dry, stdout)
		case *proxy != "":
			err = writeRelease(ctx, root, *proxy, flags.Arg(0), stdout)
		default:
			err = release(ctx, root, flags.Arg(0), time.Now().UTC(), *dry, stdout)
		}
	}
	if err != nil {
		fmt.Fprintf(stderr, "release: %v\n", err)
		return 1
	}
	return 0
}
