package browsertest_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
)

// tooWide names what sticks out of the page to either side.
const tooWide = `[...document.querySelectorAll("body *")].filter(n => {
	const box = n.getBoundingClientRect();
	return box.width > 1 && (box.right > innerWidth + 1 || box.left < -1) && !n.closest(".unseen, .skip");
}).map(n => n.outerHTML.slice(0, 80)).concat(document.documentElement.scrollWidth > innerWidth ? ["the page scrolls sideways"] : [])`

// tooSmall names what is too small to be hit with a finger (WCAG 2.2, 2.5.8: 24 by 24 pixels, links within text apart).
const tooSmall = `[...document.querySelectorAll("a, button, select, input:not([type=hidden]), summary")].filter(n => {
	const box = n.getBoundingClientRect();
	return box.width > 0 && (box.width < 24 || box.height < 24) && !n.closest(".unseen, .skip, .notice");
}).map(n => n.outerHTML.slice(0, 80))`

// tooFaint names texts whose contrast is below AA (WCAG 2.2, 1.4.3).
const tooFaint = `(() => {
	const parse = c => { const [r, g, b, a = 1] = c.match(/[\d.]+/g).map(Number); return [r, g, b, a]; };
	const light = ([r, g, b]) => [r, g, b].map(v => (v /= 255) <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
		.reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
	const behind = n => { for (; n; n = n.parentElement) { const c = parse(getComputedStyle(n).backgroundColor); if (c[3] === 1) return c; } return [255, 255, 255, 1]; };
	const faint = [];
	const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
	for (let t = texts.nextNode(); t; t = texts.nextNode()) {
		const n = t.parentElement, style = getComputedStyle(n);
		if (!t.data.trim() || !n.getClientRects().length || n.closest(".unseen, .skip, :disabled, script")) continue;
		const [a, b] = [light(parse(style.color)), light(behind(n))].sort((x, y) => y - x);
		const size = parseFloat(style.fontSize), large = size >= 24 || size >= 18.66 && style.fontWeight >= 700;
		const ratio = (a + .05) / (b + .05);
		if (ratio < (large ? 3 : 4.5)) faint.push(ratio.toFixed(2) + " " + t.data.trim().slice(0, 40));
	}
	return faint;
})()`

func (b *tab) look(name string) {
	b.t.Helper()
	b.shoot(name)
	assert.Empty(b.t, eval[[]string](b, tooWide), "%s: too wide", name)
	assert.Empty(b.t, eval[[]string](b, tooSmall), "%s: too small", name)
	assert.Empty(b.t, eval[[]string](b, tooFaint), "%s: too faint", name)
}

func TestPagesFitEveryScreenAndEveryEye(t *testing.T) {
	shop := open(t)
	for _, d := range []device{
		{width: 320, height: 640, language: "en"},
		{width: 390, height: 844, language: "de", dark: true},
		{width: 768, height: 1024, language: "fr", noScript: true},
		{width: 1280, height: 900, language: "de"},
		{width: 1920, height: 1080, language: "en", dark: true},
	} {
		name := fmt.Sprintf("%d-%s", d.width, d.language)
		t.Run(name, func(t *testing.T) {
			b := visit(t, shop, d)
			b.look(name + "-index")
			if !d.noScript {
				b.choose("site", "mr")
				b.see("#picker-site .hint .effect")
				b.look(name + "-hint")
			}
			b.follow("#pot .add")
			b.open("/sign-in?sample=C104")
			b.look(name + "-sign-in")
			b.follow("#submit")
			b.why()
			b.look(name + "-why")
			b.open("/cart")
			b.look(name + "-cart")
		})
	}
}

func TestArabicRunsFromRightToLeft(t *testing.T) {
	shop := open(t)
	for _, d := range []device{{width: 1280, height: 900}, {width: 360, height: 740}} {
		d.language = "ar"
		name := fmt.Sprintf("%d-ar", d.width)
		t.Run(name, func(t *testing.T) {
			b := visit(t, shop, d)
			b.pick("site", "mr")
			assert.Equal(t, [4]string{"mr", "MRU", "MR", "ar"}, b.context())
			assert.Equal(t, []string{"ar", "rtl"}, eval[[]string](b, "[document.documentElement.lang, getComputedStyle(document.body).direction]"))
			assert.True(t, eval[bool](b, `document.querySelector(".brand").getBoundingClientRect().right > innerWidth / 2`), "the shop's name begins at the right")
			b.choose("currency", "EUR")
			b.see("#picker-currency .hint .effect")
			b.why()
			b.look(name)
			b.open("/cart")
			b.look(name + "-cart")
		})
	}
}

func TestAShopWithoutRestrictionsShowsItsLists(t *testing.T) {
	b := visit(t, open(t), device{width: 390, height: 844, language: "sv"})
	b.open("/shop/othershop/")
	assert.Equal(t, [4]string{"main", "SEK", "SE", "sv"}, b.context())
	assert.Greater(t, eval[int](b, "document.getElementById('currency').options.length"), 150)
	b.look("390-sv")
	b.pick("currency", "KWD")
	assert.Equal(t, "6,426\u00a0KWD", b.text("#mug .price"))
	b.choose("country", "MR")
	b.see("#picker-country .hint .effect")
	b.look("390-sv-hint")
}
