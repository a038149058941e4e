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
	"time"
)

// Config configures a Server: the flags of the command, as text. New copies it and never writes to
// it.
type Config struct {
	_ [0]func()

	// DataDir is a folder with one folder for each tenant; see package sitefile. It is followed
	// when it changes. Default: the sample shop.
	DataDir string
	// Store says where sessions are kept: "memory", "bolt:PATH" (a file, for one process) or
	// "redis://HOST:PORT/DB" (for many; the server must answer at the start). Default: memory.
	Store string
	// KeyFile names a file with the key that signs tokens: 32 bytes in hexadecimal, blanks around
	// it ignored. Default: a random key, so that tokens end with the process.
	KeyFile string
	// TrustedProxies are the reverse proxies before the server, as addresses and networks in CIDR
	// notation with commas between them. The client of a request is who they say it is, in
	// X-Forwarded-For. Default: none.
	TrustedProxies string
	// Origins are those of other sites whose scripts may call the interfaces, as browsers spell
	// them: "https://shop.example,http://localhost:3000". Default: none.
	Origins string
	// InsecureCookie makes the session cookie one that browsers keep over plain HTTP too, where
	// anybody on the way can read it. For development.
	InsecureCookie bool
	// Drain is how long a server that is told to stop still takes new requests, while /readyz
	// answers 503: as long as a load balancer needs to see that. Default 2 s; -1 is none.
	Drain time.Duration
	// Admin makes AdminHandler, which is for operators: the inspector, metrics and probes.
	Admin bool
	// Logger receives what an operator should know, one record for each request included. Default:
	// slog.Default().
	Logger *slog.Logger
}

// defaultDrain is for a load balancer that asks every second.
const defaultDrain = 2 * time.Second

// readDrain returns the duration that a Config means.
func readDrain(d time.Duration) (time.Duration, error) {
	switch {
	case d == 0:
		return defaultDrain, nil
	case d == -1:
		return 0, nil
	case d < 0 || d > time.Hour:
		return 0, fmt.Errorf("storefront: -drain %q: must be between 0s and 1h", d)
	}
	return d, nil
}

const keySize = 32 // bytes

// readKey returns the key in the named file, and a random one for an empty name. Its errors say
// nothing of what is in the file.
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
