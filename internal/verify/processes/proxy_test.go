package processes

import (
	"io"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/internal/verify/route"
)

// echo returns the address of a server that says what it hears.
func echo(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				io.Copy(c, c)
			}()
		}
	}()
	return l.Addr().String()
}

// caller is one end of a connection through a proxy.
type caller struct {
	*testing.T
	conn net.Conn
}

func dial(t *testing.T, p *proxy, first string) caller {
	conn, err := net.Dial("tcp", p.addr())
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	c := caller{t, conn}
	c.say(first)
	c.hears(first)
	return c
}

func (c caller) say(text string) {
	c.Helper()
	_, err := io.WriteString(c.conn, text)
	require.NoError(c, err)
}

func (c caller) hears(text string) {
	c.Helper()
	got := make([]byte, len(text))
	_, err := io.ReadFull(c.conn, got)
	require.NoError(c, err)
	require.Equal(c, text, string(got))
}

func (c caller) hearsTheEnd() {
	c.Helper()
	_, err := c.conn.Read(make([]byte, 1))
	require.ErrorIs(c, err, io.EOF)
}

// hearsNothing is all that a clock can tell: nothing has come within a while.
func (c caller) hearsNothing() {
	c.Helper()
	require.NoError(c, c.conn.SetReadDeadline(time.Now().Add(20*time.Millisecond)))
	_, err := c.conn.Read(make([]byte, 1))
	var timeout net.Error
	require.ErrorAs(c, err, &timeout)
	require.True(c, timeout.Timeout())
	require.NoError(c, c.conn.SetReadDeadline(time.Time{}))
}

func newTestProxy(t *testing.T) *proxy {
	p, err := newProxy(echo(t))
	require.NoError(t, err)
	t.Cleanup(p.close)
	return p
}

func TestTheProxyTellsConnectionsApart(t *testing.T) {
	p := newTestProxy(t)
	dial(t, p, "SETNAME shop-tracking")
	dial(t, p, "SETNAME shop")
	dial(t, p, "SETNAME shop")
	assert.Equal(t, 1, p.lines[route.Tracking].count())
	assert.Equal(t, 2, p.lines[route.Data].count())
}

func TestWhatVanishesEndsTheConnectionAndNotBeforeTheHoleDoes(t *testing.T) {
	p := newTestProxy(t)
	hit, idle, other := dial(t, p, "a-tracking"), dial(t, p, "b-tracking"), dial(t, p, "c")
	p.lines[route.Tracking].set(vanish)
	hit.say("lost")
	hit.hearsNothing()
	other.say("data")
	other.hears("data")
	p.lines[route.Tracking].set(open)
	hit.hearsTheEnd()
	idle.say("of which nothing was lost")
	idle.hears("of which nothing was lost")
}

func TestTheEndOfAConnectionVanishesToo(t *testing.T) {
	p := newTestProxy(t)
	c := dial(t, p, "a-tracking")
	p.lines[route.Tracking].set(vanish)
	require.NoError(t, c.conn.(*net.TCPConn).CloseWrite())
	c.hearsNothing()
	p.lines[route.Tracking].set(open)
	c.hearsTheEnd()
}

func TestWhatIsHeldUpArrivesWhole(t *testing.T) {
	p := newTestProxy(t)
	c := dial(t, p, "a-tracking")
	p.lines[route.Tracking].set(hold)
	c.say("one ")
	c.say("two")
	c.hearsNothing()
	p.lines[route.Tracking].set(open)
	c.hears("one two")
}

func TestADelayHoldsBackWhatTheServerSends(t *testing.T) {
	p := newTestProxy(t)
	c := dial(t, p, "a")
	const delay = 50 * time.Millisecond
	p.lines[route.Data].slow(delay)
	begin := time.Now()
	for range 100 {
		c.say("x")
	}
	c.hears("x")
	assert.GreaterOrEqual(t, time.Since(begin), delay)
	for range 99 {
		c.hears("x")
	}
}
