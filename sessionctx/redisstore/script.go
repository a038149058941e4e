package redisstore

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/rueidis"

	"github.com/sessionctx/storefront/sessionctx/store"
)

// script is Save. It compares incarnation and version as byte strings: a number of Lua is a double,
// in which different versions above 2^53 are equal. It writes once or not at all. So a write is one
// invalidation message, and a conflict is none.
//
//	KEYS[1]  the key
//	ARGV[1]  the incarnation of the base; empty: nothing may be stored
//	ARGV[2]  the version of the base
//	ARGV[3]  the expiry
//	ARGV[4]  the expiry in milliseconds; 0: never
//	ARGV[5]  the record; empty: a touch, which changes the expiry only
//
// It returns 1, and after a touch the stored value; or 0, and the stored value if there is one.
var script = rueidis.NewLuaScript(`
local stored = redis.call('GET', KEYS[1])
if stored then
  if ARGV[1] == '' or string.sub(stored, 11, 18) ~= ARGV[1] or string.sub(stored, 27, 26 + #ARGV[2]) ~= ARGV[2] then
    return {0, stored}
  end
elseif ARGV[1] ~= '' then
  return {0}
end
local record = ARGV[5]
if record == '' then
  if not stored then return {0} end
  record = string.sub(stored, 9)
end
local value = ARGV[3] .. record
if ARGV[4] == '0' then
  redis.call('SET', KEYS[1], value)
else
  redis.call('SET', KEYS[1], value, 'PXAT', ARGV[4])
end
if ARGV[5] == '' then return {1, value} end
return {1}
`)

// save runs the script on the key that is called name.
func (s *Store) save(ctx context.Context, op, name, tenant string, rec store.Record, base store.Revision) (store.Record, error) {
	args, err := arguments(tenant, rec, base)
	if err != nil {
		return store.Record{}, fmt.Errorf("redisstore: %s: %w: nothing was written: %w", op, store.ErrUnavailable, err)
	}
	answer, err := await(ctx, s.saves, func(ctx context.Context) (scriptAnswer, error) { return s.exec(ctx, name, args) })
	if err != nil {
		return store.Record{}, failure(op, err)
	}
	var stored store.Record
	if answer.stored != nil {
		if stored, err = decode(answer.stored, tenant); err != nil && !answer.applied {
			err = fmt.Errorf("%w: nothing was written: %w", store.ErrUnavailable, err)
		}
		if err != nil {
			return store.Record{}, failure(op, err)
		}
	}
	switch {
	case !answer.applied:
		return stored, fmt.Errorf("redisstore: %s: %w", op, store.ErrConflict)
	case answer.stored == nil:
		return rec, nil
	}
	return stored, nil
}

// arguments returns the arguments of the script, or why the record cannot be stored.
func arguments(tenant string, rec store.Record, base store.Revision) ([]string, error) {
	if rec.Incarnation == 0 {
		return nil, errors.New("the record has no incarnation")
	}
	if rec.Tenant != tenant {
		return nil, fmt.Errorf("the record has the tenant %q, and the key has %q", rec.Tenant, tenant)
	}
	args := make([]string, 5)
	if base != (store.Revision{}) {
		var b [8 + binary.MaxVarintLen64]byte
		binary.BigEndian.PutUint64(b[:], base.Incarnation)
		n := binary.PutVarint(b[8:], base.Version)
		args[0], args[1] = string(b[:8]), string(b[8:8+n])
	}
	expiry, ms, err := expiryOf(rec.ExpiresAt)
	if err != nil {
		return nil, err
	}
	args[2], args[3] = string(expiry[:]), strconv.FormatInt(ms, 10)
	if rec.Revision() != base {
		rec.ExpiresAt = time.Time{}
		b, err := rec.MarshalBinary()
		if err != nil {
			return nil, err
		}
		args[4] = rueidis.BinaryString(b)
	}
	return args, nil
}

// scriptAnswer is what the script returns: whether it has written, and the stored value if that is
// not the value that was sent.
type scriptAnswer struct {
	applied bool
	stored  []byte
}

var errAnswer = errors.New("unexpected answer to the script")

// exec runs the script.
func (s *Store) exec(ctx context.Context, name string, args []string) (a scriptAnswer, err error) {
	written := s.written.Load()
	result := script.Exec(ctx, s.data, []string{name}, args)
	if err := result.NonRedisError(); err != nil {
		return a, s.noAnswer(err, written)
	}
	answer, err := result.ToArray()
	switch {
	case err != nil:
		return a, err
	case len(answer) == 0 || len(answer) > 2:
		return a, errAnswer
	}
	n, err := answer[0].AsInt64()
	a.applied = n == 1
	if err == nil && len(answer) > 1 {
		a.stored, err = answer[1].AsBytes()
	}
	return a, err
}
