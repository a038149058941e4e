//go:build !unix

package sitefile_test

import "testing"

func makePipe(t *testing.T, _ string) { t.Skip("no named pipes in the file system") }
