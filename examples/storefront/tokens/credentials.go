package tokens

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"golang.org/x/crypto/bcrypt"
)

// How many failed attempts are answered with ErrCredentials in a minute, which begins with the
// first one. Every further one is a *LimitedError.
const (
	AccountFailures = 10 // of one account, or one client
	AddressFailures = 60 // of one IPv4 address, or one IPv6 network of 64 bits
)

// The line in which attempts at an account wait when the account has used up its failures. Somebody
// who guesses from ten thousand addresses never reaches the limit of one address. So the guesses at
// one account are slowed, wherever they come from.
const (
	lineStep  = time.Second      // between two comparisons
	lineWait  = 10 * time.Second // the longest wait in the line; a longer one is a *LimitedError
	knownLife = 30 * 24 * time.Hour
)

// ErrCredentials: there is no such account, or this is not its password. Nothing tells which.
var ErrCredentials = errors.New("tokens: wrong credentials")

// errBusy: too many passwords are being compared.
var errBusy = errors.New("tokens: too many sign-ins at once")

// LimitedError says that there were too many failed attempts.
type LimitedError struct {
	RetryAfter time.Duration // until a failure is answered with ErrCredentials again
}

// Error says how long to wait.
func (e *LimitedError) Error() string {
	return fmt.Sprintf("tokens: too many failed attempts: try again in %v", e.RetryAfter)
}

// Authenticate returns the customer whose e-mail address and password these are. remoteAddr is
// http.Request.RemoteAddr. Whoever has a sign-in form should ask here, so that all forms share one
// limit.
//
// Nobody can lock a customer out: the right password of an account with too many failures is
// accepted. Two rules stop somebody who guesses. An address is refused without a comparison once it
// has failed twice as often as permitted, at that account or at all accounts together. And an
// account that has used up its failures is slowed: further attempts stand in line, one comparison a
// second, 10 seconds at most. An address from which the right password came within 30 days, as far
// as this process remembers, does not stand in line.
//
// The errors: ErrCredentials, in the same time for unknown accounts; a *LimitedError; the error of
// a context that has ended; any other says that there were too many attempts at once.
func (is *Issuer) Authenticate(ctx context.Context, tenant, email, password, remoteAddr string) (customerID string, err error) {
	account, known := is.files.Account(tenant, email)
	if known {
		email = account.Email
	}
	err = is.prove(ctx, attempt{
		kind: "customer", tenant: tenant, name: strings.ToLower(strings.TrimSpace(email)),
		hash: account.PasswordHash, secret: password, network: network(remoteAddr),
	})
	if err != nil {
		return "", err
	}
	return account.CustomerID, nil
}

// attempt is somebody's claim to be an account or a client.
type attempt struct {
	kind, tenant, name string
	hash               string // empty: there is none, and nothing proves it
	secret             string
	network            string
}

// costKey is where hashes can be expected to have one cost.
type costKey struct{ kind, tenant string }

// slotWait is how long an attempt waits while others are compared.
const slotWait = 10 * time.Second

// prove compares the secret with the hash; where there is none, with one that costs the same.
func (is *Issuer) prove(ctx context.Context, a attempt) error {
	account := subject{kind: a.kind, tenant: a.tenant, name: a.name}
	address := subject{kind: "address", network: a.network}
	both := subject{kind: a.kind + " at an address", tenant: a.tenant, name: a.name, network: a.network}
	known := subject{kind: a.kind + " known at an address", tenant: a.tenant, name: a.name, network: a.network}
	// The failures are read while a slot is held. So of a thousand attempts at once each sees the
	// failures of those before it.
	for waited := false; ; waited = true {
		if err := is.enter(ctx); err != nil {
			return err
		}
		now := time.Now()
		wait := is.failures.wait(now, bound{both, 2 * AccountFailures}, bound{address, 2 * AddressFailures})
		if wait == 0 && !waited && !is.failures.has(now, known) {
			turn := is.failures.turn(now, bound{account, AccountFailures})
			if turn > 0 && turn <= lineWait {
				<-is.slots // others are compared meanwhile
				if err := sleep(ctx, turn); err != nil {
					return err
				}
				continue
			}
			wait = turn
		}
		if wait > 0 {
			<-is.slots
			return &LimitedError{wait}
		}
		break
	}
	defer func() { <-is.slots }()
	now := time.Now()
	exists := a.hash != ""
	if !exists {
		a.hash = is.decoy(a)
	} else if cost, err := bcrypt.Cost([]byte(a.hash)); err == nil {
		is.costs.Store(costKey{a.kind, a.tenant}, cost)
	}
	if err := is.compare([]byte(a.hash), []byte(a.secret)); err == nil && exists {
		is.failures.note(now, known, knownLife)
		return nil
	}
	wait := is.failures.add(now, bound{account, AccountFailures}, bound{address, AddressFailures}, bound{both, 2 * AccountFailures})
	if wait > 0 {
		return &LimitedError{wait}
	}
	return ErrCredentials
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("tokens: %w", ctx.Err())
	}
}

// enter waits for its turn: there are as many comparisons at once as processors, so that a flood of
// them waits in line instead of taking all time from the shop's pages.
func (is *Issuer) enter(ctx context.Context) error {
	select {
	case is.slots <- struct{}{}:
		return nil
	default:
	}
	timeout := time.NewTimer(slotWait)
	defer timeout.Stop()
	select {
	case is.slots <- struct{}{}:
		return nil
	case <-timeout.C:
		return errBusy
	case <-ctx.Done():
		return fmt.Errorf("tokens: %w", ctx.Err())
	}
}

// decoy returns a hash for an account that does not exist. Its cost is that of the last hash of an
// account that did exist, because the time of a comparison depends on the cost alone. The rest of
// the hash is made up.
func (is *Issuer) decoy(a attempt) string {
	cost := any(bcrypt.DefaultCost)
	if last, ok := is.costs.Load(costKey{a.kind, a.tenant}); ok {
		cost = last
	}
	return fmt.Sprintf("$2a$%02d$%s", cost, strings.Repeat(".", 22+31))
}

// network returns what is counted as one address: whoever has one IPv6 address has 2^64 of them
// (RFC 6177).
func network(remoteAddr string) string {
	ap, err := netip.ParseAddrPort(remoteAddr)
	if err != nil {
		return remoteAddr // no IP connection
	}
	addr := ap.Addr().Unmap().WithZone("")
	if addr.Is4() {
		return addr.String()
	}
	return netip.PrefixFrom(addr, 64).Masked().String()
}
