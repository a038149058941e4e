package pagecache

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/internal/nginx"
	"github.com/sessionctx/storefront/internal/varnish"
	"github.com/sessionctx/storefront/internal/verify/evidence"
)

// cache is a page cache in front of the shop.
type cache struct {
	name string
	// start starts it with the recipe of the page, in which the pairs of broken are replaced.
	start func(t *testing.T, origin string, broken ...string) (addr string)
	// broken makes the cache give the page of one variant to another one.
	broken []string
}

var caches = []cache{
	{
		"nginx",
		func(t *testing.T, origin string, broken ...string) string {
			return nginx.Start(t, recipe(t, "nginx http", origin, broken), recipe(t, "nginx", origin, broken))
		},
		[]string{"$request_uri $variant", "$request_uri"},
	},
	{
		"Varnish",
		func(t *testing.T, origin string, broken ...string) string {
			return varnish.Start(t, recipe(t, "varnish", origin, broken))
		},
		[]string{"sub vcl_req_cookie", "sub vcl_backend_response { unset beresp.http.Vary; }\nsub vcl_req_cookie"},
	},
}

// recipe returns a block of docs/page-caches.md, with other addresses and folders.
func recipe(t *testing.T, name, origin string, broken []string) string {
	t.Helper()
	page, err := os.ReadFile(filepath.Join(evidence.Root(t), "docs", "page-caches.md"))
	require.NoError(t, err)
	block := regexp.MustCompile("(?s)<!-- recipe: " + name + " -->\n```\\w+\n(.*?)```").FindSubmatch(page)
	require.NotNil(t, block, "there is no recipe %q", name)
	u, err := url.Parse(origin)
	require.NoError(t, err)
	others := []string{
		"http://127.0.0.1:8080", origin, `"8080"`, `"` + u.Port() + `"`, "/var/cache/nginx", "DIR",
		`"192.0.2.0"/24`, `"127.0.0.2"`, `"198.51.100.0"/24`, `"127.0.0.3"`,
		"192.0.2.0/24", "127.0.0.2", "198.51.100.0/24", "127.0.0.3",
	}
	return strings.NewReplacer(append(others, broken...)...).Replace(string(block[1]))
}

// visits is what visitors have done.
type visits struct {
	mu                                                  sync.Mutex
	requests, choices, logins, logouts, forged, foreign int
	first                                               string // the first foreign page
	serials                                             map[string]bool
	keys                                                []string // variants that were seen
}

// seen reports whether a response of the shop was seen before: then it came from the cache.
func (v *visits) seen(a answer) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	again := v.serials[a.header.Get(serial)]
	v.serials[a.header.Get(serial)] = true
	return again
}

func (v *visits) count(n *int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	*n++
}

// judge counts a page.
func (v *visits) judge(key, wrong string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.requests++
	if wrong != "" {
		if v.foreign++; v.first == "" {
			v.first = wrong
		}
	}
	if len(v.keys) < 100 && key != "" {
		v.keys = append(v.keys, key)
	}
}

// row is a row of the table.
func (v *visits) row(cache, who string, pages, served int) []string {
	return []string{
		cache, who, fmt.Sprint(v.requests), fmt.Sprintf("%d %%", 100*(pages-served)/max(1, pages)),
		fmt.Sprint(v.choices), fmt.Sprint(v.logins), fmt.Sprint(v.logouts), fmt.Sprint(v.forged), fmt.Sprint(v.foreign),
	}
}

var titles = []string{"cache", "visitors", "requests", "pages from the cache", "choices", "logins", "logouts", "forged variants", "foreign pages"}

const workers = 8

// anonymous are visitors of four variants, who look at pages.
func anonymous(ctx context.Context, s *shop, n *network, requests int) (v *visits, pagesSeen int, err error) {
	v = &visits{serials: map[string]bool{}}
	kinds := []browser{
		{net: n, from: places[0]}, {net: n, from: places[0], language: "en"},
		{net: n, from: places[1]}, {net: n, from: places[2], language: "fr"},
	}
	const visitors = 40
	err = each(visitors, func(i int) error {
		b := kinds[i%len(kinds)]
		b.jar = map[string]string{}
		for j := range requests / visitors {
			wrong, err := b.look(ctx, s, pages[j%3], v.seen) // those without a site or language of the URL
			if err != nil {
				return err
			}
			v.judge(b.jar[cookie], wrong)
		}
		return nil
	})
	return v, v.requests, err
}

// each calls do for 0 to n-1, from several goroutines.
func each(n int, do func(i int) error) error {
	next := make(chan int)
	errs := make(chan error, n)
	var all sync.WaitGroup
	for range workers {
		all.Go(func() {
			for i := range next {
				errs <- do(i)
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	all.Wait()
	close(errs)
	for err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// shoppers do all that visitors do, while others forge variants.
func shoppers(ctx context.Context, s *shop, n *network, requests int, seed uint64) (v *visits, pagesSeen int, err error) {
	v = &visits{serials: map[string]bool{}}
	var looked int
	err = each(workers, func(i int) error {
		rng := rand.New(rand.NewPCG(seed, uint64(i)))
		visitor := 0
		var b *browser
		pick := func(of ...string) string { return of[rng.IntN(len(of))] }
		begin := func() {
			visitor++
			b = &browser{net: n, from: places[rng.IntN(len(places))], language: pick("", "de", "en", "fr", "ja"), jar: map[string]string{}}
		}
		post := func(path string, count *int, pairs ...string) error {
			form := url.Values{}
			for i := 0; i < len(pairs); i += 2 {
				form.Set(pairs[i], pairs[i+1])
			}
			a, err := b.send(ctx, http.MethodPost, path, form, nil)
			if err != nil {
				return err
			}
			// A choice may be refused, by a site that does not offer it: nothing has changed.
			if a.code != http.StatusOK && a.code != http.StatusBadRequest {
				return fmt.Errorf("POST %s %v: %d %s", path, form, a.code, a.body)
			}
			v.count(count)
			v.judge("", "")
			return nil
		}
		begin()
		for done := 0; done < requests/workers; {
			done++
			var err error
			switch p := rng.IntN(100); {
			case p < 70:
				v.count(&looked)
				var wrong string
				wrong, err = b.look(ctx, s, pages[rng.IntN(len(pages))], v.seen)
				v.judge(b.jar[cookie], wrong)
			case p < 75:
				var wrong string
				wrong, err = b.look(ctx, s, "/account", v.seen)
				v.judge("", wrong)
			case p < 84:
				field := pick("site", "currency", "country", "language")
				value := map[string][]string{
					"site": {"main", "ch", ""}, "currency": {"EUR", "CHF", "USD", ""}, "country": {"DE", "AT", "CH", ""}, "language": {"de", "en", "fr", ""},
				}[field]
				err = post(pick("", "", "/en", "/ch")+"/choose", &v.choices, "field", field, "value", pick(value...))
			case p < 86:
				var carts int
				err = post("/cart", &carts, "cart", fmt.Sprintf("cart-%d-%d", i, visitor))
			case p < 89:
				err = post("/login", &v.logins, "customer", pick("anna", "bert", "carla"))
			case p < 92:
				err = post("/logout", &v.logouts)
			case p < 94: // another visitor
				done--
				begin()
			case p < 95:
				done--
				delete(b.jar, cookie)
			default: // somebody else's key, in the cookie and in the header
				v.mu.Lock()
				key := "1-demoshop:main:EUR:DE:de"
				if len(v.keys) > 0 {
					key = v.keys[rng.IntN(len(v.keys))]
				}
				v.mu.Unlock()
				attacker := browser{net: n, from: b.from, language: b.language, jar: map[string]string{cookie: key}}
				more := http.Header{header: {key}}
				if rng.IntN(2) == 0 {
					more.Set("Authorization", "Bearer x") // then no answer sets a cookie
				}
				_, err = attacker.send(ctx, http.MethodGet, pages[rng.IntN(len(pages))], nil, more)
				v.count(&v.forged)
				v.judge("", "")
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	return v, looked + v.forged, err
}

// TestPageCache_NobodySeesAForeignPage sends REQUESTS requests through each cache, for anonymous
// visitors and for shoppers. SEED makes another run.
func TestPageCache_NobodySeesAForeignPage(t *testing.T) {
	requests, seed := evidence.Number(t, "REQUESTS", 4000), uint64(evidence.Number(t, "SEED", 1))
	var rows [][]string
	for _, c := range caches {
		run := func(desc string, broken []string, visit func(*testing.T, *shop, *network) (*visits, int)) (ok bool) {
			return t.Run(c.name+", "+desc, func(t *testing.T) {
				s := newShop(t)
				n := newNetwork(c.start(t, s.url, broken...))
				defer n.close()
				v, pagesSeen := visit(t, s, n)
				rows = append(rows, v.row(c.name, desc, pagesSeen, int(s.served.Load())))
				if broken != nil {
					assert.Positive(t, v.foreign, "the check must see a cache that mixes variants")
					return
				}
				assert.Zero(t, v.foreign, "foreign page, with SEED=%d: %s", seed, v.first)
			})
		}
		run("anonymous, of four variants", nil, func(t *testing.T, s *shop, n *network) (*visits, int) {
			v, seen, err := anonymous(t.Context(), s, n, requests)
			require.NoError(t, err)
			assert.Greater(t, 10*(seen-int(s.served.Load())), 9*seen, "more than 90 %% of %d pages come from the cache, and not %d from the shop", seen, s.served.Load())
			return v, seen
		})
		run("shoppers who choose, log in and out", nil, func(t *testing.T, s *shop, n *network) (*visits, int) {
			v, seen, err := shoppers(t.Context(), s, n, requests, seed)
			require.NoError(t, err)
			for _, done := range []int{v.choices, v.logins, v.logouts, v.forged} {
				assert.Greater(t, done, requests/100)
			}
			return v, seen
		})
		run("shoppers, and the cache mixes variants: the check sees", c.broken, func(t *testing.T, s *shop, n *network) (*visits, int) {
			v, seen, err := shoppers(t.Context(), s, n, min(requests, 2000), seed)
			require.NoError(t, err)
			return v, seen
		})
	}
	evidence.Table(t, "page-caches", titles, rows...)
}

// A visitor without a cookie gets the answer of the shop, and leaves nothing in the cache: a
// visitor from another country would get it.
func TestPageCache_FirstVisitorGetsTheShopsOwnAnswer(t *testing.T) {
	for _, c := range caches {
		t.Run(c.name, func(t *testing.T) {
			s := newShop(t)
			n := newNetwork(c.start(t, s.url))
			defer n.close()
			german, austrian := browser{net: n, from: places[0]}, browser{net: n, from: places[1]}
			german.jar, austrian.jar = map[string]string{}, map[string]string{}
			french := browser{net: n, from: places[0], language: "fr", jar: map[string]string{}}
			v := &visits{serials: map[string]bool{}}
			steps := []struct {
				desc      string
				b         *browser
				want      string
				fromCache bool
				variant   string // the cookie of the answer
			}{
				{"a first German, without a cookie and hints", &german, "/shoes main EUR DE de", false, "1-demoshop:main:EUR:DE:de"},
				{"a first Austrian", &austrian, "/shoes main EUR AT de", false, "1-demoshop:main:EUR:AT:de"},
				{"a first visitor who reads French", &french, "/shoes main EUR DE fr", false, "1-demoshop:main:EUR:DE:fr"},
				{"the German with the cookie: now the page is kept", &german, "/shoes main EUR DE de", false, ""},
				{"the German again", &german, "/shoes main EUR DE de", true, ""},
				{"the Austrian with the cookie", &austrian, "/shoes main EUR AT de", false, ""},
				{"the Austrian again", &austrian, "/shoes main EUR AT de", true, ""},
				{"the German once more", &german, "/shoes main EUR DE de", true, ""},
				{"another German without a cookie", &browser{net: n, from: places[0], jar: map[string]string{}}, "/shoes main EUR DE de", false, "1-demoshop:main:EUR:DE:de"},
				{"another Austrian without a cookie", &browser{net: n, from: places[1], jar: map[string]string{}}, "/shoes main EUR AT de", false, "1-demoshop:main:EUR:AT:de"},
			}
			for _, step := range steps {
				had := step.b.jar[cookie]
				a, err := step.b.send(t.Context(), http.MethodGet, "/shoes", nil, nil)
				require.NoError(t, err, step.desc)
				body, _, _ := strings.Cut(a.body, separator)
				assert.Equal(t, step.want, body, step.desc)
				assert.Equal(t, step.fromCache, v.seen(a), step.desc)
				if step.variant == "" {
					assert.Empty(t, a.header["Set-Cookie"], step.desc)
					assert.Equal(t, "public, max-age=0, s-maxage=3600", a.header.Get("Cache-Control"), step.desc)
					assert.Equal(t, had, a.header.Get(header), step.desc)
					continue
				}
				assert.Equal(t, step.variant, step.b.jar[cookie], step.desc)
				assert.Equal(t, "private, no-store", a.header.Get("Cache-Control"), step.desc)
			}
		})
	}
}
