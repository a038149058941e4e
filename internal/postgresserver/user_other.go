//go:build !unix

package postgresserver

import "syscall"

// unprivileged returns how the server becomes another user: not at all, it runs as the test does.
func unprivileged(string) (*syscall.SysProcAttr, error) { return nil, nil }
