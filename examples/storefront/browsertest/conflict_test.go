package browsertest_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestTwoTabs_ThatChangeOneFieldShowTheConflict(t *testing.T) {
	for _, tc := range []struct {
		desc, answer, want string
	}{
		{"and one's own value is taken", "#take", "GBP"},
		{"and the newest is kept", "#keep", "USD"},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			one := visit(t, open(t), desktop)
			two := one.another(desktop)
			one.pick("currency", "USD")
			two.see("#other-tab") // it is told at once

			assert.EqualValues(t, http.StatusConflict, two.pick("currency", "GBP"))
			assert.Equal(t, "Changed in the meantime", two.text("h1"))
			assert.Equal(t, "USD ($)", two.text("#newest"))
			assert.Equal(t, "GBP (£)", two.text("#wanted"))
			two.shoot("conflict")
			two.follow(tc.answer)
			assert.Equal(t, tc.want, two.context()[1])
			one.open("/")
			assert.Equal(t, tc.want, one.context()[1])
		})
	}
}

func TestTwoTabs_ThatChangeDifferentFieldsBothHold(t *testing.T) {
	one := visit(t, open(t), desktop)
	one.pick("currency", "CHF")
	two := one.another(desktop)
	one.pick("currency", "USD")
	assert.EqualValues(t, http.StatusOK, two.pick("country", "AT"))
	assert.Equal(t, [4]string{"main", "USD", "AT", "en"}, two.context())
}
