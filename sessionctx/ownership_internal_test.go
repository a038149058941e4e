package sessionctx

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/sessionctx/storefront/sessionctx/store"
)

const presentGeneration = 7

// The identities of the tables. The id "s1" is that of the record.
var (
	nobody      = Identity{Tenant: "demoshop"}
	byCookie    = Identity{Tenant: "demoshop", SessionID: "s1", Proof: BySecret}
	guestsToken = Identity{Tenant: "demoshop", SessionID: "s1", Proof: Asserted}
	annasToken  = Identity{Tenant: "demoshop", SessionID: "s1", CustomerID: "anna", Proof: Asserted}
	operator    = Identity{Tenant: "demoshop", SessionID: "s1", Proof: Management}
	hostsNobody = Identity{Tenant: "demoshop", SessionID: "s1", Proof: BySecret, HostLogin: true}
	hostsAnna   = Identity{Tenant: "demoshop", SessionID: "s1", CustomerID: "anna", Proof: BySecret, HostLogin: true}
)

func TestOwnershipOf_DependsOnIdentityRecordAndGeneration(t *testing.T) {
	var none store.Record
	anonymous := store.Record{Tenant: "demoshop", Incarnation: 1, First: 1, Version: 1}
	secret := func(rec store.Record) store.Record { rec.Secret = true; return rec }
	ofCustomer := func(id string, generation int64) store.Record {
		rec := anonymous
		rec.CustomerID, rec.Generation = id, generation
		return rec
	}
	annas, berts := ofCustomer("anna", presentGeneration), ofCustomer("bert", presentGeneration)
	endedByAll := ofCustomer("anna", presentGeneration-1)
	tombstone := anonymous
	tombstone.Ended = true

	guestsOwn := ownership{state: live}
	annasOwn := ownership{state: live, customerID: "anna"}
	bertsOwn := ownership{state: live, customerID: "bert"}
	for _, tc := range []struct {
		desc string
		id   Identity
		rec  store.Record
		want ownership
	}{
		{"a cookie owns an anonymous session", byCookie, secret(anonymous), guestsOwn},
		{"to a cookie the record says whose session it is", byCookie, secret(annas), annasOwn},
		{"a cookie with an unknown id owns nothing", byCookie, none, ownership{state: absent}},
		{"the id in a token is no cookie", byCookie, annas, ownership{state: absent}},
		{"the end of a session ends its cookie", byCookie, secret(tombstone), ownership{state: ended}},
		{"EndAll ends a cookie's session", byCookie, secret(endedByAll), ownership{state: ended, byEndAll: true}},

		{"a guest's token owns an anonymous session", guestsToken, anonymous, guestsOwn},
		{"a guest's token owns nothing of a customer's", guestsToken, annas, ownership{state: foreign}},
		{"a guest's token may begin a session", guestsToken, none, ownership{state: absent}},
		{"a customer's token may begin a session, the customer's", annasToken, none, ownership{state: absent, customerID: "anna"}},
		{"a customer's token owns an anonymous session as the customer's", annasToken, anonymous, annasOwn},
		{"a customer's token owns the customer's session", annasToken, annas, annasOwn},
		{"a customer's token owns nothing of another customer's", annasToken, berts, ownership{state: foreign}},
		{"a customer's token owns nothing of another customer's ended session", annasToken, ofCustomer("bert", presentGeneration-1), ownership{state: foreign}},
		{"a cookie's id in a token is foreign", annasToken, secret(annas), ownership{state: foreign}},
		{"a cookie's id in a token stays foreign after the end", annasToken, secret(tombstone), ownership{state: foreign}},
		{"the end of a session ends its token", annasToken, tombstone, ownership{state: ended}},
		{"EndAll ends a token's session", annasToken, endedByAll, ownership{state: ended, byEndAll: true}},

		{"an operator sees a token's session, as the customer's", operator, berts, bertsOwn},
		{"an operator sees a cookie's session", operator, secret(berts), bertsOwn},
		{"an operator sees no session that has no record", operator, none, ownership{state: absent}},
		{"EndAll ends the session to an operator, too", operator, endedByAll, ownership{state: ended, byEndAll: true}},

		{"the host says who the customer is", hostsAnna, secret(annas), annasOwn},
		{"the customer of the host must bind an anonymous session first", hostsAnna, secret(anonymous), ownership{state: live, customerID: "anna", unbound: true}},
		{"the customer of the host owns nothing of another customer's", hostsAnna, secret(berts), ownership{state: foreign, customerID: "anna"}},
		{"the customer of the host may begin a session", hostsAnna, none, ownership{state: absent, customerID: "anna"}},
		{"to the customer of the host the id in a token is no cookie", hostsAnna, annas, ownership{state: absent, customerID: "anna"}},
		{"the end of a session ends it for the customer of the host", hostsAnna, secret(tombstone), ownership{state: ended, customerID: "anna"}},
		{"EndAll ends the session for the customer of the host, too", hostsAnna, secret(endedByAll), ownership{state: ended, customerID: "anna", byEndAll: true}},
		{"while the host says nobody, an anonymous session is a guest's", hostsNobody, secret(anonymous), guestsOwn},
		{"while the host says nobody, a customer's session is foreign", hostsNobody, secret(annas), ownership{state: foreign}},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			got, err := ownershipOf(&tc.id, &tc.rec, func(customerID string) (int64, error) {
				assert.Equal(t, tc.rec.CustomerID, customerID)
				return presentGeneration, nil
			})
			assert.NoError(t, err)
			assert.Equal(t, tc.want, got)

			failed := errors.New("no generation")
			got, err = ownershipOf(&tc.id, &tc.rec, func(string) (int64, error) { return 0, failed })
			if tc.rec.CustomerID != "" && (tc.want.state == live || tc.want.byEndAll) {
				assert.Equal(t, failed, err)
				assert.Zero(t, got)
			} else {
				assert.NoError(t, err, "it does not decide")
				assert.Equal(t, tc.want, got)
			}
		})
	}
}

func TestFound_ShowsASessionOrAGuest(t *testing.T) {
	withoutID := func(id Identity) Identity { id.SessionID = ""; return id }
	type found struct{ found, asGuest bool }
	for _, tc := range []struct {
		desc   string
		id     Identity
		states []state
		want   found
	}{
		{"a live session", byCookie, []state{live}, found{true, false}},
		{"the cookie of no live session is a guest's", byCookie, []state{absent, ended, foreign}, found{true, true}},
		{"no cookie", withoutID(byCookie), []state{live, absent}, found{true, true}},
		{"nobody", nobody, []state{live, absent}, found{true, true}},
		{"a token's session that was not written yet", annasToken, []state{live, absent}, found{true, false}},
		{"a token of a session that is not to be had", annasToken, []state{ended, foreign}, found{}},
		{"an operator finds what there is", operator, []state{live}, found{true, false}},
		{"an operator finds nothing else", operator, []state{absent, ended, foreign}, found{}},
		{"the host's customer is shown as one without a session", hostsAnna, []state{absent, ended, foreign}, found{true, true}},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			for _, s := range tc.states {
				var got found
				got.found, got.asGuest = (&ownership{state: s}).found(&tc.id)
				assert.Equal(t, tc.want, got, "state %d", s)
			}
		})
	}
}

func TestOwnership_ReplaceableOneMinuteAfterTheEnd(t *testing.T) {
	end := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	for _, tc := range []struct {
		desc  string
		state state
		after time.Duration
		want  bool
	}{
		{"the browser may have a newer cookie", ended, time.Minute - 1, false},
		{"an answer with a newer cookie has arrived by now", ended, time.Minute, true},
		{"a foreign session's cookie is never newer than the host's login", foreign, 0, true},
		{"a live session", live, time.Hour, false},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			assert.Equal(t, tc.want, (&ownership{state: tc.state}).replaceable(end, end.Add(tc.after)))
		})
	}
}

func TestTombstone_IsTheNextVersionAndKeepsNothingOfThePerson(t *testing.T) {
	end := time.Now().Add(-time.Hour).UTC().Truncate(time.Millisecond)
	rec := store.Record{
		Tenant: "demoshop", Incarnation: 3, First: 5, Version: 8, CustomerID: "anna", Generation: 2, Login: 6,
		CreatedAt: end.Add(-time.Hour), ModifiedAt: end.Add(-time.Minute), ExpiresAt: end.Add(time.Hour),
		Carts: []store.Cart{{Site: "main", ID: "cart-1"}}, Attributes: []store.Attribute{{Name: "a", Value: []byte(`1`)}},
	}
	rec.Choices.Currency = "CHF"
	for _, tc := range []struct {
		desc     string
		secret   bool
		remember time.Duration // Config.TombstoneLife
		want     time.Duration
	}{
		{"an asserted session, for as long as the Config says", false, 48 * time.Hour, 48 * time.Hour},
		{"an asserted session, for good", false, never, 0},
		{"a session by secret, for an hour", true, 48 * time.Hour, time.Hour},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			was := rec
			was.Secret = tc.secret
			before := time.Now().Add(tc.want).Add(-time.Millisecond)
			got, err := (&Config{TombstoneLife: tc.remember}).tombstone(was, end)
			assert.NoError(t, err)
			if tc.want == 0 {
				assert.Zero(t, got.ExpiresAt)
			} else {
				assert.WithinRange(t, got.ExpiresAt, before, time.Now().Add(tc.want))
			}
			got.ExpiresAt = time.Time{}
			assert.Equal(t, store.Record{
				Tenant: "demoshop", Incarnation: 3, First: 5, Version: 9, Secret: tc.secret, Ended: true,
				CreatedAt: rec.CreatedAt, ModifiedAt: end,
			}, got)
		})
	}
}
