package browsertest_test

import (
	"net/http"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/assert"
)

func TestPicker_SaysWhatItWouldChangeAndChangesIt(t *testing.T) {
	shop := open(t)
	for _, tc := range []struct {
		field, value string
		hint         string
		want         [4]string
		price        string
	}{
		{
			"site", "us",
			"Shop Demo Shop Europe → becomes Demo Shop USA Currency EUR (€) → becomes USD ($) It is this shop’s own currency. " +
				"Deliver to Germany → becomes United States This shop is at home there.",
			[4]string{"us", "USD", "US", "en"}, "$20.93",
		},
		{"currency", "GBP", "Currency EUR (€) → becomes GBP (£) Nothing else changes.", [4]string{"main", "GBP", "DE", "en"}, "£15.66"},
		{"country", "NL", "Deliver to Germany → becomes Netherlands Nothing else changes.", [4]string{"main", "EUR", "NL", "en"}, "€18.00"},
		{"language", "fr", "Language English → becomes français Nothing else changes.", [4]string{"main", "EUR", "DE", "fr"}, "18,00\u00a0€"},
	} {
		t.Run(tc.field, func(t *testing.T) {
			b := visit(t, shop, desktop)
			apply := "#picker-" + tc.field + " .main"
			b.do(chromedp.WaitNotVisible(chromedp.CSS(apply)))
			b.choose(tc.field, tc.value)
			b.see("#picker-" + tc.field + " .hint .effect")
			assert.Equal(t, tc.hint, b.text("#picker-"+tc.field+" .hint"))
			if tc.field == "site" {
				b.shoot("hint")
			}
			assert.EqualValues(t, http.StatusOK, b.follow(apply))
			assert.Equal(t, tc.want, b.context())
			assert.Equal(t, tc.price, b.text("#mug .price"))
			b.see("#notice")
			assert.Equal(t, shop+"/", eval[string](b, "location.href"), "a reload does not say it again")
			b.open("/")
			assert.Equal(t, tc.want, b.context(), "it stays")
			assert.False(t, b.exists("#notice"))
		})
	}
}

func TestPicker_CancelLeavesEverythingAsItIs(t *testing.T) {
	b := visit(t, open(t), desktop)
	b.choose("currency", "GBP")
	b.see("#picker-currency .hint .effect")
	b.do(chromedp.Click(chromedp.CSS("#picker-currency .undo")), chromedp.WaitNotVisible(chromedp.CSS("#picker-currency .main")))
	assert.Equal(t, [4]string{"main", "EUR", "DE", "en"}, b.context())
	assert.Equal(t, "currency", eval[string](b, "document.activeElement.id"), "the focus is back at the list")
	b.open("/")
	assert.Equal(t, [4]string{"main", "EUR", "DE", "en"}, b.context())
}

func TestReset_TakesAChoiceBack(t *testing.T) {
	b := visit(t, open(t), desktop)
	b.pick("currency", "CHF")
	b.why()
	b.shoot("why")
	assert.Contains(t, b.text("#why-currency"), "You chose it.")
	assert.Contains(t, b.text("#why-currency"), "Without your choice: EUR (€)")
	b.follow("#reset-currency")
	assert.Equal(t, [4]string{"main", "EUR", "DE", "en"}, b.context())
	b.why()
	assert.False(t, b.exists("#reset-currency"))
	assert.Contains(t, b.text("#why-currency"), "It is this shop’s own currency.")
}

func TestPicker_ChoiceThatASiteDoesNotOfferWaits(t *testing.T) {
	b := visit(t, open(t), desktop)
	b.pick("currency", "GBP")
	b.choose("site", "jp")
	b.see("#picker-site .hint .aside")
	assert.Contains(t, b.text("#picker-site .hint"), "Your choice GBP (£) is set aside (not offered here)")
	b.follow("#picker-site .main")
	assert.Equal(t, [4]string{"jp", "JPY", "JP", "en"}, b.context())
	assert.Equal(t, "¥3,204", b.text("#mug .price"))
	b.why()
	assert.Contains(t, b.text("#why-currency"), "GBP your choice: not offered here")
	b.shoot("waiting")
	b.pick("site", "main")
	assert.Equal(t, [4]string{"main", "GBP", "DE", "en"}, b.context())
}

func TestKeyboard_IsEnough(t *testing.T) {
	b := visit(t, open(t), desktop)
	b.do(chromedp.KeyEvent(kb.Tab))
	assert.Equal(t, "skip", eval[string](b, "document.activeElement.className"))
	b.shoot("skip")
	for eval[string](b, "document.activeElement.id") != "currency" {
		b.do(chromedp.KeyEvent(kb.Tab))
	}
	assert.NotEqual(t, "none", eval[string](b, "getComputedStyle(document.activeElement).outlineStyle"), "the focus is to be seen")
	b.do(chromedp.KeyEvent("G")) // to GBP
	b.see("#picker-currency .hint .effect")
	b.do(chromedp.KeyEvent(kb.Tab))
	b.leave(chromedp.KeyEvent(kb.Enter))
	assert.Equal(t, [4]string{"main", "GBP", "DE", "en"}, b.context())
	for eval[string](b, "document.activeElement.parentElement.id") != "why" {
		b.do(chromedp.KeyEvent(kb.Tab))
	}
	b.do(chromedp.KeyEvent(kb.Enter))
	b.see("#reset-currency")
}
