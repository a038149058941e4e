package redisstore

import (
	"fmt"
	"hash/crc32"
	"net"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/internal/redisserver"
	"github.com/sessionctx/storefront/sessionctx/store"
)

func TestTags_AreShortestOfTheirSlots(t *testing.T) {
	lengths := make(map[uint8]int)
	all := crc32.NewIEEE()
	for slot := range tags() {
		tag := &tags()[slot]
		require.Equal(t, slot, int(crc16(tag.text()))%store.Slots, "tag %q", tag.text())
		require.Zero(t, strings.Trim(string(tag.text()), tagAlphabet))
		lengths[tag.n]++
		fmt.Fprintf(all, "%s ", tag.text())
	}
	for a := range []byte(tagAlphabet) { // no slot of a short text has a longer tag
		for b := range []byte(tagAlphabet) {
			text := []byte{tagAlphabet[a], tagAlphabet[b]}
			require.LessOrEqual(t, tags()[crc16(text)%store.Slots].n, uint8(2), "slot of %q", text)
		}
		require.Equal(t, uint8(1), tags()[crc16([]byte{tagAlphabet[a]})%store.Slots].n)
	}
	assert.Equal(t, map[uint8]int{1: 62, 2: 3448, 3: 12874}, lengths)
	assert.Equal(t, uint32(0x4aacc256), all.Sum32(), "stored records have these tags: they must never change")
}

func TestCRC16_HasCheckValueOfXMODEM(t *testing.T) {
	assert.Equal(t, uint16(0x31C3), crc16([]byte("123456789")))
}

// The server computes the slot of each key. It needs to be in cluster mode for that, without any
// slots.
func TestName_ServerComputesSlotOfHash(t *testing.T) {
	server := redisserver.Start(t, "--cluster-enabled", "yes")
	host, port, err := net.SplitHostPort(server.Addr())
	require.NoError(t, err)
	const prefix = keyspace("any prefix:")
	var want []int
	var questions strings.Builder
	for slot := range store.Slots {
		fmt.Fprintf(&questions, "CLUSTER KEYSLOT {%s}demoshop:s:x\n", tags()[slot].text())
		want = append(want, slot)
	}
	for i := range 1000 {
		key := store.Key{Tenant: "demoshop", Kind: store.Kind(i % 3), ID: strconv.Itoa(i)}
		fmt.Fprintf(&questions, "CLUSTER KEYSLOT %q\n", prefix.name(key))
		want = append(want, key.Hash().Slot())
	}
	cli := exec.CommandContext(t.Context(), "redis-cli", "-h", host, "-p", port)
	cli.Stdin = strings.NewReader(questions.String())
	out, err := cli.Output()
	require.NoError(t, err)
	var got []int
	for line := range strings.Lines(string(out)) {
		slot, err := strconv.Atoi(strings.TrimSpace(line))
		require.NoError(t, err, "%s", line)
		got = append(got, slot)
	}
	require.Equal(t, want, got)
}

func TestName_IsStable(t *testing.T) {
	for _, tc := range []struct {
		desc string
		key  store.Key
		want string
	}{
		{"session", store.Key{Tenant: "demoshop", Kind: store.KindSession, ID: "s1"}, "sessionctx:{6Vi}demoshop:s:uk9XzW5iNcmUs1JiK1D9s2LGye1lxr3_VvBwoRIrCS8"},
		{"customer", store.Key{Tenant: "demoshop", Kind: store.KindCustomer, ID: "s1"}, "sessionctx:{0mB}demoshop:c:QVU7MlVICVIx56Hr7lI2HloLI6CmWo-9NKks7is1-UQ"},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			assert.Equal(t, tc.want, keyspace(DefaultPrefix).name(tc.key), "stored records have this key: it must never change")
		})
	}
}

func TestParse_RefusesWhatNameCannotMake(t *testing.T) {
	const prefix = keyspace("shop:")
	key := store.Key{Tenant: "acme", Kind: store.KindSession, ID: "s1"}
	name := prefix.name(key)
	hash := name[len(name)-hashSize:]
	tag := string(tags()[key.Hash().Slot()].text())
	require.Equal(t, "shop:{"+tag+"}acme:s:"+hash, name)
	otherTag := string(tags()[key.Hash().Slot()^1].text())
	spare := "B" // the last character has two bits that are not of the hash
	if name[len(name)-1] == 'B' {
		spare = "C"
	}
	for _, tc := range []struct{ desc, name string }{
		{"empty", ""},
		{"prefix alone", "shop:"},
		{"hash alone", hash},
		{"another prefix", "shop;" + name[5:]},
		{"something before the prefix", "x" + name},
		{"something after the hash", name + "x"},
		{"a shorter hash", name[:len(name)-1]},
		{"another last character", name[:len(name)-1] + spare},
		{"a character that is not of base64url", name[:len(name)-1] + "+"},
		{"a line break in the hash", name[:len(name)-1] + "\n"},
		{"without tag", "shop:acme:s:" + hash},
		{"an empty tag", "shop:{}acme:s:" + hash},
		{"the tag of another slot", "shop:{" + otherTag + "}acme:s:" + hash},
		{"a longer tag", "shop:{" + tag + "x}acme:s:" + hash},
		{"without kind", "shop:{" + tag + "}acme:" + hash},
		{"an unknown kind", "shop:{" + tag + "}acme:y:" + hash},
		{"an empty kind", "shop:{" + tag + "}acme::" + hash},
		{"a kind of two letters", "shop:{" + tag + "}acme:sc:" + hash},
		{"without tenant", "shop:{" + tag + "}s:" + hash},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			_, _, _, ok := prefix.parse(tc.name)
			assert.False(t, ok, "%q", tc.name)
		})
	}
}

func FuzzParse(f *testing.F) {
	f.Add("sessionctx:", "demoshop", uint8(0), "s1", "")
	f.Add("s:", "a:c:", uint8(1), ":s:", "s:{0}a:s:")
	f.Add("", "", uint8(7), "", "{0}:x:"+strings.Repeat("A", 43))
	f.Fuzz(func(t *testing.T, prefix, tenant string, kind uint8, id, any string) {
		key := store.Key{Tenant: tenant, Kind: store.Kind(kind), ID: id}
		name := keyspace(prefix).name(key)
		gotTenant, letter, h, ok := keyspace(prefix).parse(name)
		require.True(t, ok, "%q", name)
		require.Equal(t, key.Hash(), h)
		require.Equal(t, tenant, gotTenant)
		require.Equal(t, key.Kind == store.KindSession, letter == letterSession)
		require.Equal(t, key.Kind == store.KindCustomer, letter == letterCustomer)

		if gotTenant, letter, h, ok = keyspace(prefix).parse(any); ok {
			require.Equal(t, fmt.Sprintf("%s{%s}%s:%c:%s", prefix, tags()[h.Slot()].text(), gotTenant, letter, hashText.EncodeToString(h[:])), any)
		}
	})
}
