package defaults

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"golang.org/x/text/language"
)

type brokenMatcher struct{}

func (brokenMatcher) Match(...language.Tag) (language.Tag, int, language.Confidence) { panic("broken") }

// In the package, because no tag is known on which the matcher of x/text panics.
func TestAPanicOfTheMatcherIsNoMatch(t *testing.T) {
	set := languageSet{offered: []string{"de"}, matcher: brokenMatcher{}}
	_, reason := set.match("en")
	assert.Equal(t, ReasonNotOffered, reason)
}
