package browsertest_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// set selects a value in a list without any event: there is no script to hear it.
func (b *tab) set(field, value string) {
	b.t.Helper()
	require.Equal(b.t, value, eval[string](b, fmt.Sprintf("document.getElementById(%q).value = %q", field, value)))
}

func TestNoScript_EverythingWorks(t *testing.T) {
	d := desktop
	d.noScript = true
	b := visit(t, open(t), d)
	b.shoot("no-script")
	assert.False(t, eval[bool](b, "document.documentElement.classList.contains('js')"), "scripts do not run")

	// Each picker has a button of its own.
	b.set("currency", "GBP")
	b.follow("#picker-currency .main")
	assert.Equal(t, [4]string{"main", "GBP", "DE", "en"}, b.context())

	// What would change is asked for, and then done.
	b.set("site", "us")
	b.follow("#picker-site .ask")
	assert.Contains(t, b.text(".effect"), "Demo Shop Europe → becomes Demo Shop USA")
	assert.Contains(t, b.text(".effect"), "Your choice GBP (£) is set aside")
	b.shoot("no-script-preview")
	b.follow("#switch")
	assert.Equal(t, [4]string{"us", "USD", "US", "en"}, b.context())

	// Reset.
	b.why()
	b.follow("#reset-site")
	assert.Equal(t, [4]string{"main", "GBP", "DE", "en"}, b.context())

	// Cart, sign-in, sign-out.
	b.follow("#lamp .add")
	assert.Equal(t, "1", b.text("#cart .badge"))
	b.follow("#sign-in")
	b.follow("#sample-C100")
	assert.EqualValues(t, http.StatusOK, b.follow("#submit"))
	assert.Equal(t, [4]string{"main", "GBP", "AT", "de"}, b.context())
	b.follow("#sign-out")
	assert.Equal(t, [4]string{"main", "GBP", "DE", "en"}, b.context())

	// Two tabs.
	other := b.another(d)
	b.set("currency", "USD")
	b.follow("#picker-currency .main")
	other.set("currency", "CHF")
	assert.EqualValues(t, http.StatusConflict, other.follow("#picker-currency .main"))
	other.follow("#take")
	assert.Equal(t, "CHF", other.context()[1])
	other.do(chromedp.WaitNotVisible(chromedp.CSS("#other-tab")))
}
