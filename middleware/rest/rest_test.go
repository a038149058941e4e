package rest_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestSmoke(t *testing.T) {
	s := newShop(t)
	c := s.shopper("s1")
	b := c.do("GET", "/me/context", "").context()
	assert.Equal(t, "EUR", b.Currency)
	t.Log(c.do("GET", "/me/context", "").body)
	a := c.do("PATCH", "/me/context?upsert=true", `{"currency":"chf","context":{"a b/c":[1, 2]}}`).must(204)
	t.Log(a.Header)
	t.Log(c.do("GET", "/me/context?explain=true", "").body)
	t.Log(c.do("POST", "/me/context/attributes", `{"key":"x y/z","value":{"a":1}}`).must(201).body)
	t.Log(c.do("DELETE", "/me/context/attributes/x%20y%2Fz", ``).must(204).Header)
	t.Log(c.do("GET", "/me/context", "").body)
	op := s.operator()
	t.Log(op.do("GET", "/context/s1", "").must(200).body)
	t.Log(op.do("PUT", "/context/s1", `{"siteCode":"main","currency":"GBP","targetLocation":"DE","metadata":{"version":3},"cartId":"c1"}`).must(204).body)
	t.Log(op.do("GET", "/context/s1?explain=true", "").must(200).body)
	t.Log(op.do("PUT", "/context/s2?upsert=true", `{"siteCode":"main"}`).must(204).body)
	t.Log(op.do("PUT", "/context/s2", `{"siteCode":"main","metadata":{"version":9}}`).must(409).body)
	t.Log(c.do("PATCH", "/me/context", `{"currency":"JPY","language":"tlh","targetLocation":"Germany"}`).must(400).body)
}
