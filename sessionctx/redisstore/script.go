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

// script is Save. Incarnation and version are compared as the strings of bytes that they are: a number of Lua is a double, which
// takes two versions for one beyond 2^53. It writes once, or not at all, so that one write is one message to those who listen,
// and a conflict none.
//
//	KEYS[1]  the key
//	ARGV[1]  the base's incarnation; empty: nothing may be stored
//	ARGV[2]  the base's version
//	ARGV[3]  the expiry
//	ARGV[4]  the expiry in milliseconds; 0: never
//	ARGV[5]  the record; empty: what is stored stays, but for its expiry
//
// It returns 1, and for a touch what is stored then; or 0, and what is stored, if anything is.
var script = rueidis.NewLuaScript(`
local now = redis.call('GET', KEYS[1])
if now then
  if ARGV[1] == '' or string.sub(now, 11, 18) ~= ARGV[1] or string.sub(now, 27, 26 + #ARGV[2]) ~= ARGV[2] then
    return {0, now}
  end
elseif ARGV[1] ~= '' then
  return {0}
end
local record = ARGV[5]
if record == '' then
  if not now then return {0} end
  record = string.sub(now, 9)
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

// arguments returns what the script is to do, or why the record cannot be stored.
func arguments(key store.Key, rec store.Record, base store.Revision) ([]string, error) {
	if rec.Incarnation == 0 {
		return nil, errors.New("the record has no incarnation")
	}
	if rec.Tenant != key.Tenant {
		return nil, fmt.Errorf("the record's tenant %q is not the key's, %q", rec.Tenant, key.Tenant)
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

var errAnswer = errors.New("the server's answer is none of the script")

// exec runs the script: it reports whether the write was applied, and what is stored if that is not what was sent.
func (s *Store) exec(ctx context.Context, key string, args []string) (applied bool, stored []byte, err error) {
	answer, err := script.Exec(ctx, s.data, []string{key}, args).ToArray()
	switch {
	case err != nil:
		return false, nil, err
	case len(answer) == 0 || len(answer) > 2:
		return false, nil, errAnswer
	}
	n, err := answer[0].AsInt64()
	if err == nil && len(answer) > 1 {
		stored, err = answer[1].AsBytes()
	}
	return n == 1, stored, err
}
