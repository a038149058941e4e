package server

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
)

// Config configures a Server: the flags of the command, as text. New copies it and never writes to it.
type Config struct {
	_ [0]func()

	// DataDir is a folder with one folder for each tenant; see package sitefile. It is followed when it changes. Default: the sample shop.
	DataDir string
	// Store says where sessions are kept: "memory", "bolt:PATH" (a file, for one process) or "redis://HOST:PORT/DB" (for many; the
	// server must answer at the start). Default: memory.
	Store string
	// KeyFile names a file with the key that signs tokens: 32 bytes in hexadecimal, blanks around it ignored.
	// Default: a random key, so that tokens end with the process.
	KeyFile string
	// Logger receives what an operator should know, one record for each request included. Default: slog.Default().
	Logger *slog.Logger
}

const keySize = 32 // bytes

// readKey returns the key in the named file, and a random one for an empty name. Its errors say nothing of what is in the file.
func readKey(name string) ([]byte, error) {
	if name == "" {
		key := make([]byte, keySize)
		rand.Read(key)
		return key, nil
	}
	rule := fmt.Errorf("must hold %d bytes in hexadecimal: %d digits, and nothing else", keySize, 2*keySize)
	file, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("storefront: -key %q: %w", name, errors.Join(err, rule))
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, 4096))
	if err != nil {
		return nil, fmt.Errorf("storefront: -key %q: %w", name, err)
	}
	key, err := hex.DecodeString(string(bytes.TrimSpace(text)))
	if err != nil || len(key) != keySize {
		return nil, fmt.Errorf("storefront: -key %q: %w", name, rule)
	}
	return key, nil
}
