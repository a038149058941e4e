package problemtype_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/sessionctx/storefront/internal/problemtype"
)

func TestFor_ProblemForWhoAsks(t *testing.T) {
	const json, problem = "application/json", "application/problem+json"
	cases := []struct {
		desc   string
		accept []string
		want   string
	}{
		{"no Accept", nil, json},
		{"an empty Accept", []string{""}, json},
		{"JSON", []string{"application/json"}, json},
		{"everything", []string{"*/*"}, json},
		{"every application type", []string{"application/*"}, json},
		{"what axios sends", []string{"application/json, text/plain, */*"}, json},
		{"a browser's page", []string{"text/html,application/xhtml+xml,*/*;q=0.8"}, json},
		{"problems", []string{"application/problem+json"}, problem},
		{"problems in capitals", []string{"Application/Problem+JSON"}, problem},
		{"both", []string{"application/json, application/problem+json"}, problem},
		{"both, in two lines", []string{"application/json", "application/problem+json"}, problem},
		{"both, JSON rather", []string{"application/json, application/problem+json;q=0.5"}, json},
		{"both, problems rather", []string{"application/json;q=0.5, application/problem+json;q=0.9"}, problem},
		{"no problems", []string{"application/problem+json;q=0, */*"}, json},
		{"a weight that is none", []string{"application/problem+json;q=x"}, json},
		{"a weight over 1", []string{"application/problem+json;q=2"}, json},
		{"rubbish beside it", []string{"/;;, application/problem+json"}, problem},
		{"a name that begins alike", []string{"application/problem+jsonx"}, json},
	}
	for _, tc := range cases {
		t.Run(tc.desc, func(t *testing.T) {
			h := http.Header{}
			if tc.accept != nil {
				h["Accept"] = tc.accept
			}
			assert.Equal(t, tc.want, problemtype.For(h))
		})
	}
}

func TestTitle_IsTheNameThatRFC9110Has(t *testing.T) {
	for status, want := range map[int]string{
		400: "Bad Request", 413: "Content Too Large", 414: "URI Too Long", 415: "Unsupported Media Type",
		416: "Range Not Satisfiable", 422: "Unprocessable Content", 431: "Request Header Fields Too Large", 503: "Service Unavailable",
	} {
		assert.Equal(t, want, problemtype.Title(status))
	}
}
