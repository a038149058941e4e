package rest_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The requests of two clients of the service that anybody can read.

func TestPatch_WholeMetadataMayComeBack(t *testing.T) {
	s := newShop(t)
	c := s.shopper("s1").with("Accept-Language", "de", "Accept", "*/*")
	patch := func(changes map[string]any, want int) {
		t.Helper()
		var shown map[string]json.RawMessage
		require.NoError(t, json.Unmarshal([]byte(c.do("GET", "/me/context", "").must(200).body), &shown))
		changes["metadata"] = shown["metadata"]
		body, err := json.Marshal(changes)
		require.NoError(t, err)
		c.do("PATCH", "/me/context?upsert=true", string(body)).must(want)
	}
	patch(map[string]any{"siteCode": "main", "currency": "CHF", "targetLocation": "CH"}, 204) // version 0, no times
	first := c.do("GET", "/me/context", "").context().Metadata.Version
	patch(map[string]any{"siteCode": "main", "currency": "EUR"}, 204)
	patch(map[string]any{"currency": "JPY"}, 400)
	b := c.do("GET", "/me/context", "").context()
	assert.Equal(t, "main EUR CH de", b.values())
	assert.Equal(t, first+1, b.Metadata.Version)
	c.do("PATCH", "/me/context?upsert=whatever&x=%zz", `{"currency":"CHF"}`).must(204)
}

func TestPatch_VersionMayBeAskedForFirst(t *testing.T) {
	s := newShop(t)
	c := s.shopper("s1")
	version := func() int64 { return c.do("GET", "/me/context", "").context().Metadata.Version }
	send := func(body map[string]any) *answer {
		body["metadata"] = map[string]any{"version": version()}
		b, err := json.Marshal(body)
		require.NoError(t, err)
		return c.do("PATCH", "/me/context", string(b))
	}
	send(map[string]any{"currency": "GBP", "targetLocation": "AT"}).must(204)
	send(map[string]any{"siteCode": "us"}).must(204)
	for _, name := range []string{"favourite colour", "a/b", "50% off", "größe"} {
		assert.JSONEq(t, quote(name), c.do("POST", "/me/context/attributes", `{"key":`+quote(name)+`,"value":{"x":"y"}}`).must(201).body)
		c.do("DELETE", "/me/context/attributes/"+escape(name), "").must(204)
	}
	assert.Equal(t, "us USD US en", c.do("GET", "/me/context", "").context().values())
	assert.Empty(t, c.do("GET", "/me/context", "").context().Context)

	// A 404 stands for "no session": the client then asks for a new token.
	s.bearer(claims{Session: "s1", Customer: "anna"}).do("PATCH", "/me/context", `{"currency":null}`).must(204)
	assert.Contains(t, c.do("GET", "/me/context", "").must(404).problem().Message, "ession not found")
}
