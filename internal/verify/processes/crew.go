// Package processes shows what holds across processes that share one Redis, whatever breaks between
// them. After a write in another process a read is stale by less than the lease. A read is never
// older than a write by its own process. No answered write is lost. When nothing is broken any
// more, everything works again.
//
// The test starts three processes, the test binary itself, each with a Resolver on a redisstore of
// its own, behind toxiproxies of its own, and one real redis-server. All of them write and read
// without pause while the test breaks something, and write down what they saw and when. They are on
// one machine, so that CLOCK_MONOTONIC orders what they write down. The test judges that at the
// end: see Judge for what counts as stale.
package processes

import (
	"context"
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"
)

// crew is the processes of a run and their networks.
type crew struct {
	workers  []*hand
	networks []*network
}

// hand is a process as the test has it.
type hand struct {
	process *exec.Cmd
	in      io.Closer
	orders  *gob.Encoder
	reports *gob.Decoder
}

// newCrew starts the processes. They end with ctx, or when they are dismissed.
func newCrew(ctx context.Context, server string, lease time.Duration) (*crew, error) {
	c := &crew{}
	for i := range numProcesses {
		n, err := newNetwork(server)
		if err != nil {
			return nil, errors.Join(err, c.dismiss())
		}
		c.networks = append(c.networks, n)
		h, err := start(ctx, task{Process: i, Addr: n.addr(), Lease: lease})
		if err != nil {
			return nil, errors.Join(err, c.dismiss())
		}
		c.workers = append(c.workers, h)
	}
	return c, nil
}

func start(ctx context.Context, t task) (*hand, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	h := &hand{process: exec.CommandContext(ctx, self)}
	h.process.Env = append(os.Environ(), taskVariable+"=1")
	h.process.Stderr = os.Stderr
	in, err := h.process.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := h.process.StdoutPipe()
	if err != nil {
		return nil, err
	}
	h.in, h.orders, h.reports = in, gob.NewEncoder(in), gob.NewDecoder(out)
	if err := h.process.Start(); err != nil {
		return nil, err
	}
	return h, h.orders.Encode(t)
}

// dismiss ends the processes and the networks.
func (c *crew) dismiss() error {
	var errs []error
	for _, h := range c.workers {
		errs = append(errs, h.in.Close())
	}
	for _, h := range c.workers {
		errs = append(errs, h.process.Wait())
	}
	for _, n := range c.networks {
		n.close()
	}
	return errors.Join(errs...)
}

// ask gives an order to all processes and returns what they report.
func (c *crew) ask(o order) ([]Report, error) {
	for i, h := range c.workers {
		if err := h.orders.Encode(o); err != nil {
			return nil, fmt.Errorf("process %d: %w", i, err)
		}
	}
	reports := make([]Report, len(c.workers))
	for i, h := range c.workers {
		if err := h.reports.Decode(&reports[i]); err != nil {
			return nil, fmt.Errorf("process %d: %w", i, err)
		}
	}
	return reports, nil
}

// recovery is how long the test waits until all processes work again when nothing is broken any
// more. It is longer than the processes should need, because the machine may be busy. The table has
// the time that they did need.
const recovery = time.Minute

// recover waits until all processes are well, and returns how long that took.
func (c *crew) recover(ctx context.Context) (time.Duration, error) {
	begin := time.Now()
	ctx, cancel := context.WithTimeout(ctx, recovery)
	defer cancel()
	for {
		reports, err := c.ask(orderCheck)
		if err != nil {
			return 0, err
		}
		unwell := ""
		for i, r := range reports {
			if r.Unwell != "" {
				unwell = fmt.Sprintf("process %d: %s", i, r.Unwell)
			}
		}
		if unwell == "" {
			return time.Since(begin), nil
		}
		select {
		case <-time.After(10 * time.Millisecond):
		case <-ctx.Done():
			return 0, fmt.Errorf("not well after %v: %s", time.Since(begin), unwell)
		}
	}
}
