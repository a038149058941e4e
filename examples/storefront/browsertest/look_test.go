package browsertest_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/examples/storefront/server"
)

// tooWide names what sticks out of the page to either side.
const tooWide = `[...document.querySelectorAll("body *")].filter(n => {
	const box = n.getBoundingClientRect();
	return box.width > 1 && (box.right > innerWidth + 1 || box.left < -1) && !n.closest(".unseen, .skip");
}).map(n => n.outerHTML.slice(0, 80)).concat(document.documentElement.scrollWidth > document.documentElement.clientWidth ? ["the page scrolls sideways"] : [])`

// misplaced names what is not inside its parent, and so sticks out of its card or its column.
const misplaced = `[...document.querySelectorAll("body *")].filter(n => {
	if (n.closest(".unseen, .skip, svg, option, script, [hidden]") || !n.checkVisibility()) return false;
	let p = n.parentElement;
	while (p && getComputedStyle(p).display.startsWith("inline")) p = p.parentElement;
	if (!p || p === document.documentElement) return false;
	const box = n.getBoundingClientRect(), room = p.getBoundingClientRect();
	return box.left < room.left - 1 || box.right > room.right + 1 || box.bottom > room.bottom + 2;
}).map(n => n.outerHTML.slice(0, 90))`

// overlapping names pairs of controls and texts that lie on each other.
const overlapping = `(() => {
	const seen = n => n.checkVisibility() && !n.closest(".unseen, .skip, option");
	const all = [...document.querySelectorAll("a, button, select, input:not([type=hidden]), summary, label, h1, h2, h3, p, dt, dd, img")].filter(seen);
	const boxes = all.map(n => n.getBoundingClientRect());
	const found = [];
	all.forEach((a, i) => {
		const x = boxes[i];
		for (let j = i + 1; j < all.length; j++) {
			const b = all[j], y = boxes[j];
			if (Math.min(x.right, y.right) - Math.max(x.left, y.left) > 1 && Math.min(x.bottom, y.bottom) - Math.max(x.top, y.top) > 1 && !a.contains(b) && !b.contains(a))
				found.push(a.outerHTML.slice(0, 60) + " | " + b.outerHTML.slice(0, 60));
		}
	});
	return found;
})()`

// clipped names texts of which a part cannot be seen: in boxes that cut, and in lists.
const clipped = `[...document.querySelectorAll("body *")].filter(n => {
	if (n.closest(".unseen, .skip, svg, option, .who") || !n.checkVisibility()) return false;
	if (n.matches("select")) {
		const style = getComputedStyle(n), pen = document.createElement("canvas").getContext("2d");
		pen.font = style.fontWeight + " " + style.fontSize + " " + style.fontFamily;
		const arrow = 20, room = n.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight) - arrow;
		return pen.measureText(n.selectedOptions[0].text).width > room;
	}
	return n.clientWidth > 0 && n.scrollWidth > n.clientWidth + 1 && !n.matches("input");
}).map(n => n.outerHTML.slice(0, 90))`

// broken names words that go on in the next line without a hyphen. A part after a soft hyphen is a
// word here, and its first letter has the box of the hyphen besides its own.
const broken = `(() => {
	const found = [], texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
	for (let t = texts.nextNode(); t; t = texts.nextNode()) {
		const n = t.parentElement;
		if (!n.checkVisibility() || n.closest(".unseen, .skip, select, script, :lang(ja)")) continue;
		for (const word of t.data.matchAll(/\p{L}+/gu)) {
			const range = document.createRange();
			range.setStart(t, word.index + (t.data[word.index - 1] === "\u00ad" ? 1 : 0));
			range.setEnd(t, word.index + word[0].length);
			if (new Set([...range.getClientRects()].filter(box => box.width > .5).map(box => Math.round(box.top))).size > 1) found.push(word[0]);
		}
	}
	return found;
})()`

// tooSmall names what is too small to be hit with a finger (WCAG 2.2, 2.5.8: 24 by 24 pixels, links
// within text apart).
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
	found := eval[map[string][]string](b, faults)
	for fault, places := range found {
		assert.Empty(b.t, places, "%s: %s", name, fault)
	}
	assert.Len(b.t, found, 7, "everything was looked for")
	b.axe(name)
}

// axe asks axe-core for violations, if AXE names its file (axe.min.js of the npm package axe-core).
func (b *tab) axe(name string) {
	b.t.Helper()
	file := os.Getenv("AXE")
	if file == "" {
		return
	}
	script, err := os.ReadFile(file)
	require.NoError(b.t, err)
	call(b, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: false})
	defer call(b, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: b.noScript})
	ctx, cancel := b.limited()
	defer cancel()
	violations, err := chromedp.Run(ctx, chromedp.Evaluate[[]string](string(script)+`
		; axe.run().then(r => r.violations.flatMap(v => v.nodes.map(n => v.id + ": " + n.html.slice(0, 90))))`, chromedp.EvalAwaitPromise))
	require.NoError(b.t, err)
	assert.Empty(b.t, violations, "%s: axe", name)
}

// faults asks for all of them at once: a question to the browser takes longer than its answer.
const faults = `({
	"too wide": ` + tooWide + `,
	misplaced: ` + misplaced + `,
	overlapping: ` + overlapping + `,
	broken: ` + broken + `,
	clipped: ` + clipped + `,
	"too small": ` + tooSmall + `,
	"too faint": ` + tooFaint + `,
})`

func TestLook_PagesFitEveryScreenAndEveryEye(t *testing.T) {
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
			t.Parallel()
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

func TestLook_ArabicRunsFromRightToLeft(t *testing.T) {
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

func TestLook_ShopWithoutRestrictionsShowsItsLists(t *testing.T) {
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

// TestLook_EveryWidthEveryLanguageAfterEveryChoice looks at the shop as it is after each choice:
// the labels have a mark then, and other values are in the lists. It looks at each of them at the
// narrowest and the widest width and at one between, in turn; with LOOK=all at all widths.
func TestLook_EveryWidthEveryLanguageAfterEveryChoice(t *testing.T) {
	shop := open(t)
	for i, tc := range []struct {
		language string
		choices  [][2]string // field and value; a site that offers the language comes first
		texts    string      // the language of the page's texts
	}{
		{"en", [][2]string{{"country", "GB"}, {"currency", "GBP"}, {"language", "en"}}, "en"},
		{"de", [][2]string{{"country", "CH"}, {"currency", "CHF"}, {"language", "de"}}, "de"},
		{"fr", [][2]string{{"country", "GB"}, {"currency", "USD"}, {"language", "fr"}}, "fr"},
		{"es", [][2]string{{"site", "us"}, {"country", "CA"}, {"currency", "USD"}, {"language", "es"}}, "es"},
		{"it", [][2]string{{"site", "ch"}, {"country", "LI"}, {"currency", "EUR"}, {"language", "it"}}, "it"},
		{"ja", [][2]string{{"site", "jp"}, {"country", "JP"}, {"currency", "JPY"}, {"language", "ja"}}, "ja"},
		{"ar", [][2]string{{"site", "mr"}, {"country", "MR"}, {"currency", "MRU"}, {"language", "ar"}}, "ar"},
	} {
		t.Run(tc.language, func(t *testing.T) {
			t.Parallel()
			b := visit(t, shop, device{width: 390, height: 844, language: tc.language, noScript: true})
			looks := i
			widths := func(name string) {
				between := []int64{360, 375, 390}
				if os.Getenv("LOOK") != "all" {
					between = between[looks%3:][:1]
				}
				looks++
				for _, width := range slices.Concat([]int64{320}, between, []int64{1280}) {
					b.do(chromedp.EmulateViewport(width, 900))
					b.look(fmt.Sprintf("look-%s-%s-%d", tc.language, name, width))
				}
			}
			widths("start")
			for _, choice := range tc.choices {
				field, value := choice[0], choice[1]
				b.set(field, value)
				require.EqualValues(t, http.StatusOK, b.follow("#picker-"+field+" .main"))
				require.True(t, b.exists("#picker-"+field+" .yours"), field)
				widths(field)
			}
			assert.Equal(t, tc.texts, eval[string](b, "document.body.lang"))
			b.why()
			widths("why")
			b.follow("#lamp .add")
			widths("added")
			b.follow("#cart")
			b.do(chromedp.SetValue(chromedp.CSS("#quantity-lamp"), "99"))
			b.follow("#line-lamp .quantity button")
			widths("cart")
			b.open("/sign-in")
			widths("sign-in")
			b.open("/preview?site=jp")
			widths("preview")
			b.open("/nowhere")
			widths("nowhere")
		})
	}
}

func TestArabic_TheDotOfACurrencyStaysAtItsEnd(t *testing.T) {
	b := visit(t, open(t), device{width: 390, height: 844, language: "ar"})
	b.pick("site", "mr")
	b.pick("currency", "EUR")
	b.pick("currency", "MRU") // a choice, so that the notice and the reasons name it
	b.why()
	// In every text with the symbol its last dot is at the left of its last letter.
	places := eval[[]bool](b, `(() => {
		const found = [], texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
		for (let t = texts.nextNode(); t; t = texts.nextNode()) {
			const at = t.data.indexOf("أ.م.");
			if (at < 0 || !t.parentElement.checkVisibility() || t.parentElement.closest("select, .unseen")) continue;
			const box = i => { const r = document.createRange(); r.setStart(t, i); r.setEnd(t, i + 1); return r.getBoundingClientRect(); };
			found.push(box(at + 3).right <= box(at + 2).left + 1);
		}
		return found;
	})()`)
	assert.Greater(t, len(places), 10, "prices, the notice, the reason")
	assert.NotContains(t, places, false)
}

func TestCart_SaysSoWhereTheClickWas(t *testing.T) {
	const inView = `(box => box.top >= 0 && box.bottom <= innerHeight)(document.getElementById("notice").getBoundingClientRect())`
	shop := open(t)
	for _, d := range []device{{width: 320, height: 640}, {width: 390, height: 844, language: "ar"}, {width: 1280, height: 900, noScript: true}} {
		t.Run(fmt.Sprint(d.width, d.language), func(t *testing.T) {
			b := visit(t, shop, d)
			for _, product := range []string{"mug", "lamp", "candle"} {
				b.follow("#" + product + " .add")
				assert.True(t, eval[bool](b, inView), product)
				assert.True(t, b.exists("#"+product+" #notice"), product)
			}
			b.follow("#cart")
			if d.noScript {
				b.do(chromedp.SetValue(chromedp.CSS("#quantity-candle"), "7"))
				b.follow("#line-candle .quantity button")
			} else {
				b.leave(chromedp.SendKeys(chromedp.CSS("#quantity-candle"), "7"+kb.Enter))
			}
			assert.True(t, eval[bool](b, inView), "in the cart")
			assert.True(t, b.exists("#line-candle #notice"))
			if d.noScript {
				assert.Equal(t, "7", eval[string](b, "document.getElementById('quantity-candle').value"))
			} else {
				assert.Contains(t, []string{"17", "71"}, eval[string](b, "document.getElementById('quantity-candle').value"), "typed beside the 1")
			}
		})
	}
}

// TestLook_LongNamesOfSitesStayInTheirPlaces has names that no line of a phone can hold: in a list
// the end of one is cut, and everywhere else it goes on in the next line.
func TestLook_LongNamesOfSitesStayInTheirPlaces(t *testing.T) {
	if missing != "" {
		t.Skip(missing)
	}
	for i, tc := range []struct{ desc, name string }{
		{"Finnish, one word", "Kaupankäyntimahdollisuuksientarjoajaverkkokauppayhtymä"},
		{"German, two words", "Rindfleischetikettierungsüberwachungs-Aufgabenübertragung Donaudampfschifffahrtsgesellschaft"},
		{"Greek, many words", "Ηλεκτρονικό κατάστημα χειροποίητων αντικειμένων καθημερινής χρήσης Θεσσαλονίκης"},
		{"Thai, without blanks", "ร้านค้าออนไลน์จำหน่ายเครื่องใช้ในครัวเรือนทำมือแห่งกรุงเทพมหานคร"},
		{"Arabic, from right to left", "متجرالأدواتالمنزليةالمصنوعةيدوياللعائلاتفيموريتانياوالسنغال"},
		{"no word at all", strings.Repeat("&<>\\\"", 16)},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			t.Parallel()
			name, err := json.Marshal(tc.name)
			require.NoError(t, err)
			dir := t.TempDir()
			require.NoError(t, os.Mkdir(filepath.Join(dir, "long"), 0o700))
			require.NoError(t, os.WriteFile(filepath.Join(dir, "long", "sites.json"), fmt.Appendf(nil, `[{"code": "a", "name": %s, "default": true,
				"currency": "EUR", "homeBase": {"address": {"country": "DE"}}, "defaultLanguage": "en"}, {"code": "b", "name": %[1]s,
				"currency": "EUR", "homeBase": {"address": {"country": "DE"}}, "defaultLanguage": "en"}]`, name), 0o600))
			s, err := server.New(server.Config{DataDir: dir, Logger: slog.New(slog.DiscardHandler)})
			require.NoError(t, err)
			t.Cleanup(func() { assert.NoError(t, s.Close()) })
			ts := httptest.NewServer(s.Handler())
			t.Cleanup(ts.Close)
			b := visit(t, ts.URL, device{width: 320, height: 640, language: "en", noScript: true})
			b.set("site", "b")
			require.EqualValues(t, http.StatusOK, b.follow("#picker-site .main"))
			b.why()
			for n, page := range []string{"", "/cart", "/preview?site=a"} {
				if page != "" {
					b.open(page)
				}
				for _, width := range []int64{320, 768} {
					b.do(chromedp.EmulateViewport(width, 900))
					b.shoot(fmt.Sprintf("long-%d-%d-%d", i, n, width))
					found := eval[map[string][]string](b, faults)
					for _, fault := range []string{"too wide", "misplaced", "overlapping"} {
						assert.Empty(t, found[fault], "%s %d: %s", page, width, fault)
					}
				}
			}
		})
	}
}
