package sessionctx_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestResolve_OverlongAcceptLanguageIsCutBetweenLanguages(t *testing.T) {
	r := newResolver(t)
	language := func(header string) string {
		req := by("s1")
		req.AcceptLanguage = header
		return resolve(t, r, req).Language
	}
	const limit = 256
	assert.Equal(t, "fr", language(strings.Repeat(",", limit-2)+"fr"), "the last that there is room for")
	assert.Equal(t, "de", language(strings.Repeat(",", limit-2)+"french"), "whose first two letters are all that there is room for")
	assert.Equal(t, "en", language("en,"+strings.Repeat(",", limit-5)+"french"), "what is before the limit counts")
}
