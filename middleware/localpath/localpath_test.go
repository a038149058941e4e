package localpath_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/middleware/localpath"
)

func TestParse_TakesPathsOfThisServer(t *testing.T) {
	for _, tc := range []struct{ desc, path, want string }{
		{"the first page", "/", "/"},
		{"a page", "/shoes/red", "/shoes/red"},
		{"a folder", "/shoes/", "/shoes/"},
		{"a query", "/shoes?page=2&sort=price", "/shoes?page=2&sort=price"},
		{"a URL in the query", "/login?next=https://shop.example//x", "/login?next=https://shop.example//x"},
		{"a fragment", "/shoes#sizes", "/shoes#sizes"},
		{"an encoded slash stays encoded", "/a%2Fb", "/a%2Fb"},
		{"letters outside of ASCII are encoded", "/schuhe/größe?q=größe", "/schuhe/gr%C3%B6%C3%9Fe?q=gr%C3%B6%C3%9Fe"},
		{"a space is encoded", "/a b?c d", "/a%20b?c+d"},
		{"a colon in a segment", "/a:b", "/a:b"},
		{"an at sign", "/@anna", "/@anna"},
		{"dots inside of a segment", "/..a/b..", "/..a/b.."},
		{"the longest", "/" + strings.Repeat("a", 2047), "/" + strings.Repeat("a", 2047)},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			got, ok := localpath.Parse(tc.path)
			require.True(t, ok)
			assert.Equal(t, tc.want, got.String())
			again, ok := localpath.Parse(got.String())
			assert.True(t, ok)
			assert.Equal(t, tc.want, again.String(), "what is returned is taken as it is")
		})
	}
}

// outside are texts that lead, or might lead, to another server.
var outside = []struct{ desc, path string }{
	{"nothing", ""},
	{"a relative path", "shoes"},
	{"a query alone", "?x"},
	{"a fragment alone", "#x"},
	{"another host", "https://evil.example/"},
	{"another host, in other letters", "HTTPS://evil.example/"},
	{"a scheme without slashes", "https:evil.example"},
	{"a script", "javascript:alert(1)"},
	{"data", "data:text/html,x"},
	{"a host without a scheme", "//evil.example"},
	{"three slashes", "///evil.example"},
	{"two slashes, one of them encoded", "/%2F"},
	{"a host, with a user", "//shop.example@evil.example"},
	{"a backslash for a slash", `/\evil.example`},
	{"two backslashes", `\\evil.example`},
	{"a backslash first", `\/evil.example`},
	{"a backslash later", `/shoes\..\..\evil`},
	{"an encoded backslash", "/%5Cevil.example"},
	{"an encoded backslash, in small letters", "/%5cevil.example"},
	{"an encoded slash", "/%2Fevil.example"},
	{"an encoded slash, in small letters", "/%2fevil.example"},
	{"a tab, which browsers leave out", "/\t/evil.example"},
	{"a newline, which browsers leave out", "/\n/evil.example"},
	{"a carriage return", "/\r/evil.example"},
	{"a tab first", "\t//evil.example"},
	{"a space first", " //evil.example"},
	{"an encoded tab", "/%09/evil.example"},
	{"an encoded newline", "/x%0d%0aSet-Cookie:%20a=b"},
	{"a second header", "/x\r\nSet-Cookie: a=b"},
	{"a NUL", "/\x00/evil.example"},
	{"an encoded NUL", "/x%00"},
	{"DEL", "/x\x7f"},
	{"a control character of Latin-1", "/x\u0085y"},
	{"a path that goes up", "/../evil"},
	{"a path that goes up later", "/a/../../evil"},
	{"an encoded path that goes up", "/%2e%2e/evil"},
	{"a dot, and a host", "/.//evil.example"},
	{"an encoded dot, and a host", "/%2e//evil.example"},
	{"a dot at the end", "/a/."},
	{"a host further down", "/a//evil.example"},
	{"a backslash in the query", `/a?x=\`},
	{"a newline in the query", "/a?x=\n"},
	{"a backslash in the fragment", `/a#%5C`},
	{"no encoding", "/%zz"},
	{"half an encoding", "/%2"},
	{"no UTF-8", "/\xff"},
	{"encoded bytes that are no UTF-8", "/%ff"},
	{"too long", "/" + strings.Repeat("a", 2048)},
}

func TestParse_RefusesWhatMayLeadElsewhere(t *testing.T) {
	for _, tc := range outside {
		t.Run(tc.desc, func(t *testing.T) {
			got, ok := localpath.Parse(tc.path)
			assert.False(t, ok)
			assert.Nil(t, got)
		})
	}
}

func FuzzParse(f *testing.F) {
	for _, tc := range outside {
		f.Add(tc.path)
	}
	f.Add("/shoes/größe?a=b c#d")
	base, err := url.Parse("https://shop.example/choices")
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, s string) {
		u, ok := localpath.Parse(s)
		if !ok {
			require.Nil(t, u)
			return
		}
		local := u.String()
		require.Empty(t, u.Host)
		require.True(t, strings.HasPrefix(local, "/"))
		require.False(t, strings.HasPrefix(local, "//"))
		for _, c := range []byte(local) {
			require.True(t, ' ' < c && c < 0x7f && c != '\\', "%q", local)
		}
		to, err := base.Parse(local)
		require.NoError(t, err)
		require.Equal(t, "https://shop.example", to.Scheme+"://"+to.Host)
		again, ok := localpath.Parse(local)
		if len(local) <= 2048 {
			require.True(t, ok, "%q", local)
			require.Equal(t, local, again.String())
			require.Equal(t, u.Path, again.Path)
			require.Equal(t, u.Fragment, again.Fragment)
		}
	})
}
