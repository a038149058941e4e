//go:build !unix

package postgresserver

import "syscall"

// unprivileged says as whom the server runs: as whoever runs the test.
func unprivileged(string) (*syscall.SysProcAttr, error) { return nil, nil }
