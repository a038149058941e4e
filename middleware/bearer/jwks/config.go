package jwks

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/sessionctx/storefront/sessionctx"
)

// Config configures a Set. New copies what it needs and never writes to it; a zero field is its
// documented default.
type Config struct {
	_ [0]func()

	// URL is where the issuer publishes its keys: jwks_uri of its metadata (OpenID Connect
	// Discovery 1.0, section 3; RFC 8414, section 2). Required. Permitted: https, and http on a
	// loopback address.
	URL string

	// Client fetches the keys. Default: one that follows redirects to permitted URLs alone. The
	// caller owns it.
	Client *http.Client

	// Timeout bounds a fetch, and so how long a request waits for one. Default 2 s; 1 ms to 1 min.
	Timeout time.Duration

	// MaxAge is how old the keys get before they are fetched again. Default 1 h; 10 s to 24 h.
	MaxAge time.Duration

	// Logger receives the first failure of a row of failed fetches, and the fetch that ends the
	// row. Default: slog.Default().
	Logger *slog.Logger
}

// New returns a Set that has no keys yet. An error joins one *sessionctx.ConfigError per mistake.
func New(cfg Config) (*Set, error) {
	var errs []error
	mistake := func(field, value, rule string) {
		errs = append(errs, &sessionctx.ConfigError{Field: "jwks.Config." + field, Value: value, Rule: rule})
	}
	duration := func(field string, value, byDefault, least, most time.Duration) time.Duration {
		if value == 0 {
			return byDefault
		}
		if value < least || value > most {
			mistake(field, value.String(), fmt.Sprintf("must be %v to %v", least, most))
		}
		return value
	}
	if u, err := url.Parse(cfg.URL); err != nil || !isPermitted(u) {
		mistake("URL", cfg.URL, "must be an https URL, or http on a loopback address")
	}
	s := &Set{
		url:     cfg.URL,
		client:  cfg.Client,
		timeout: duration("Timeout", cfg.Timeout, 2*time.Second, time.Millisecond, time.Minute),
		maxAge:  duration("MaxAge", cfg.MaxAge, time.Hour, refetchAfter, keepFor),
		log:     cfg.Logger,
		now:     time.Now,
	}
	if s.client == nil {
		s.client = &http.Client{CheckRedirect: checkRedirect}
	}
	if s.log == nil {
		s.log = slog.Default()
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return s, nil
}

// isPermitted reports whether keys may come from a URL: nobody between the server and this process
// may change them.
func isPermitted(u *url.URL) bool {
	switch u.Scheme {
	case "https":
		return u.Hostname() != ""
	case "http":
		ip := net.ParseIP(u.Hostname())
		return u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
	default:
		return false
	}
}

func checkRedirect(r *http.Request, via []*http.Request) error {
	if !isPermitted(r.URL) {
		return errors.New("a redirect leaves https")
	}
	if len(via) >= 10 {
		return errors.New("more than 10 redirects")
	}
	return nil
}
