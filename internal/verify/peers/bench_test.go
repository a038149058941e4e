// Package peers holds the library beside others for sessions, used as their READMEs say: what they
// lose, which its tests assert, and what a request costs with each. Its sources are tests alone.
package peers

import (
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// BenchmarkRequest is a GET request with the cookie of one of a thousand sessions, to a handler
// that reads the four values and writes nothing.
func BenchmarkRequest(b *testing.B) {
	for _, l := range libraries(b) {
		cookies := make([][]string, 1000)
		for i := range cookies {
			who := browser{}
			who.do(b, l, l.choose)
			for name, value := range who {
				cookies[i] = append(cookies[i], name+"="+value)
			}
		}
		b.Run(l.desc, func(b *testing.B) {
			var start, found atomic.Int64
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				good := int64(0)
				h := l.wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
					if site, currency, country, language := l.values(r); site != "" && currency == "CHF" && country != "" && language != "" {
						good++
					}
				}))
				blank, r, w := httptest.NewRequest(http.MethodGet, "/", nil), new(http.Request), sink{}
				blank.Header["Accept-Language"] = []string{"en-US,en;q=0.9,de;q=0.8"}
				for i := int(start.Add(337)); pb.Next(); i++ {
					*r = *blank // some middleware replaces what it is given, context included
					r.Header["Cookie"] = cookies[i%len(cookies)]
					clear(w)
					h.ServeHTTP(w, r)
				}
				found.Add(good)
			})
			require.EqualValues(b, b.N, found.Load(), "requests that found all four values")
		})
	}
}

// sink is a ResponseWriter that keeps nothing but its header.
type sink http.Header

func (s sink) Header() http.Header         { return http.Header(s) }
func (s sink) Write(b []byte) (int, error) { return len(b), nil }
func (s sink) WriteHeader(int)             {}
