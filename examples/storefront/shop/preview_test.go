package shop_test

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// effects returns the lines that say what would change.
func effects(p page) (lines []string) {
	for _, ul := range p.all(func(n *node) bool { return n.attr["class"] == "effect" }) {
		for _, li := range ul.tags("li") {
			lines = append(lines, li.String())
		}
	}
	return lines
}

func TestPreview_SaysWhatASwitchWouldChange(t *testing.T) {
	for _, tc := range []struct {
		desc   string
		before [][2]string
		wish   url.Values
		want   []string
	}{
		{
			"one value alone", nil, url.Values{"currency": {"CHF"}},
			[]string{"Currency EUR (€) →becomes CHF", "Nothing else changes."},
		},
		{
			"a site changes what depends on it", nil, url.Values{"site": {"us"}},
			[]string{
				"Shop Demo Shop Europe →becomes Demo Shop USA",
				"Currency EUR (€) →becomes USD ($) It is this shop’s own currency.",
				"Deliver to Germany →becomes United States This shop is at home there.",
			},
		},
		{
			"a choice is set aside", [][2]string{{"currency", "GBP"}}, url.Values{"site": {"us"}},
			[]string{
				"Shop Demo Shop Europe →becomes Demo Shop USA",
				"Currency GBP (£) →becomes USD ($) It is this shop’s own currency.",
				"Deliver to Germany →becomes United States This shop is at home there.",
				"Your choice GBP (£) is set aside (not offered here) and comes back when it is offered again.",
			},
		},
		{
			"the default becomes a choice", nil, url.Values{"currency": {"EUR"}},
			[]string{"EUR (€) stays, as your own choice.", "Nothing else changes."},
		},
		{
			"a reset", [][2]string{{"currency", "GBP"}}, url.Values{"currency": {""}},
			[]string{"Currency GBP (£) →becomes EUR (€) It is this shop’s own currency.", "Nothing else changes."},
		},
		{
			"the language", nil, url.Values{"language": {"de"}},
			[]string{"Language English →becomes Deutsch", "Nothing else changes."},
		},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			m := open(t, setup{})
			s := m.visit(t, "/")
			p := s.get("")
			for _, choice := range tc.before {
				p = s.choose(p, choice[0], choice[1])
			}
			context, writes := p.context(), m.resolver.Stats().Writes
			tc.wish.Set("revision", p.tags("body")[0].attr["data-revision"])

			preview := s.get("preview?" + tc.wish.Encode())
			require.Equal(t, http.StatusOK, preview.code)
			assert.Equal(t, tc.want, effects(preview))
			assert.Equal(t, context, s.get("").context(), "a preview changes nothing")
			assert.Equal(t, writes, m.resolver.Stats().Writes, "a preview writes nothing")

			form := hidden(preview.id("content"))
			for field := range tc.wish {
				assert.Equal(t, tc.wish[field], form[field], "the button does what was previewed")
			}
			done := s.post("choices", form)
			require.Equal(t, http.StatusOK, done.code)
			assert.NotNil(t, done.id("notice"))
		})
	}
}

func TestPreview_PartIsForTheScript(t *testing.T) {
	s := open(t, setup{}).visit(t, "/")
	req, err := http.NewRequest(http.MethodGet, s.base+"preview?currency=CHF", nil)
	require.NoError(t, err)
	req.Header.Set("Shop-Part", "effect")
	p := s.do(req)
	assert.Equal(t, "effect", p.header.Get("Shop-Part"))
	assert.Empty(t, p.tags("html"), "no page around it")
	assert.Equal(t, []string{"Currency EUR (€) →becomes CHF", "Nothing else changes."}, effects(p))
}

func TestPreview_OfWhatCannotBeChosenSaysWhy(t *testing.T) {
	s := open(t, setup{}).visit(t, "/")
	p := s.get("preview?site=closed")
	assert.Equal(t, http.StatusOK, p.code)
	assert.Contains(t, p.id("content").String(), "Demo Shop Closed: this shop is closed.")
	assert.Nil(t, p.id("switch"), "there is no button for it")
	assert.Equal(t, http.StatusBadRequest, s.get("preview?cartId=1").code)
}
