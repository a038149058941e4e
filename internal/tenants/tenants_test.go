package tenants_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/sessionctx/storefront/internal/tenants"
)

func TestValid_TakesWhatEmporixSpecifies(t *testing.T) {
	for _, s := range []string{"abc", "demoshop", "a12", "a1b2c3", "zzz", strings.Repeat("a", 16)} {
		assert.True(t, tenants.Valid(s), s)
	}
	for _, s := range []string{"", "a", "ab", "Abc", "abC", "1abc", "a-b", "a_b", "abc ", " abc", "abc\n", "äbc", "abcä", "a/b", "a{b", "a`b", strings.Repeat("a", 17)} {
		assert.False(t, tenants.Valid(s), s)
	}
}
