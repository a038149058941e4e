package rest

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/defaults/codes"
	"github.com/sessionctx/storefront/sessionctx"
)

// fieldNames are the fields' names on the wire, indexed by defaults.Field.
var fieldNames = [defaults.NumFields]string{"siteCode", "currency", "targetLocation", "language"}

// text is a member that is a string or null.
type text struct {
	sent  bool
	value string // empty: null or the empty text
}

// change returns what a merge makes of the member.
func (t text) change() sessionctx.Change {
	if !t.sent {
		return sessionctx.Change{}
	}
	return sessionctx.Set(t.value) // the empty text clears
}

// state is a context as a client sends it.
type state struct {
	fields     [defaults.NumFields]text
	cartID     text
	customerID text
	clear      bool                       // context: null
	attributes map[string]json.RawMessage // nil values: null
	version    int64                      // 0: there was no record
	versioned  bool                       // metadata.version is there, and not null
}

// parseState reads the body of a PATCH (RFC 7396, one level deep: attributes are merged by name) or
// of a PUT. It ignores members that it does not know, and those that are not a shopper's to change
// (cartId, customerId) unless whole is true.
func parseState(body []byte, maxDepth int, whole bool) (s state, err error) {
	members, err := parseObject(body, maxDepth)
	if err != nil {
		return state{}, err
	}
	var faults []detail
	read := func(name string) text {
		t, fault := parseText(name, members)
		if fault != nil {
			faults = append(faults, *fault)
		}
		return t
	}
	for f, name := range fieldNames {
		s.fields[f] = read(name)
	}
	if whole {
		s.cartID, s.customerID = read("cartId"), read("customerId")
	}
	if raw, ok := members["context"]; ok {
		if s.clear = isNull(raw); !s.clear && json.Unmarshal(raw, &s.attributes) != nil {
			faults = append(faults, wrongType("context", raw))
		}
		for name, value := range s.attributes {
			s.attributes[name] = compact(value)
		}
	}
	if raw, ok := members["metadata"]; ok && !isNull(raw) {
		var metadata map[string]json.RawMessage
		if json.Unmarshal(raw, &metadata) != nil {
			faults = append(faults, wrongType("metadata", raw))
		}
		if raw, ok := metadata["version"]; ok && !isNull(raw) {
			s.versioned = true
			if s.version, err = strconv.ParseInt(string(raw), 10, 64); err != nil || s.version < 0 {
				faults = append(faults, wrongType("metadata.version", raw))
			}
		}
	}
	if faults != nil {
		return state{}, invalidDetails(faults)
	}
	return s, nil
}

// patch returns the state as a merge.
func (s *state) patch() sessionctx.Patch {
	return sessionctx.Patch{
		Site:              s.fields[defaults.FieldSite].change(),
		Currency:          s.fields[defaults.FieldCurrency].change(),
		Country:           s.fields[defaults.FieldCountry].change(),
		Language:          s.fields[defaults.FieldLanguage].change(),
		CartID:            s.cartID.change(),
		Attributes:        s.attributes,
		ReplaceAttributes: s.clear,
		Base:              s.base(),
	}
}

// base returns the revision that the write is based on, nil if it states none. A client knows
// versions and no incarnation, so a version stands for the present incarnation, and 0 for no
// record.
func (s *state) base() *sessionctx.Revision {
	if !s.versioned {
		return nil
	}
	return &sessionctx.Revision{Version: s.version}
}

// replacement returns the state as a patch that clears everything else in the session.
func (s *state) replacement() sessionctx.Patch {
	p := s.patch()
	p.ReplaceAttributes = true
	p.Base = nil // exchange.replace compares the version
	if !s.cartID.sent {
		p.CartID = sessionctx.Clear()
	}
	for f, change := range changes(&p) {
		if !s.fields[f].sent {
			*change = sessionctx.Clear()
		}
	}
	return p
}

// canonical returns a code in its canonical spelling, and any other text as it is.
func canonical(f defaults.Field, value string) string {
	var code string
	var ok bool
	switch f {
	case defaults.FieldCurrency:
		if code, ok = codes.Currency(value); !ok { // a tenant may have codes of its own
			code, ok = strings.ToUpper(value), true
		}
	case defaults.FieldCountry:
		code, ok = codes.Country(value)
	case defaults.FieldLanguage:
		code, ok = codes.Language(value)
	}
	if !ok {
		return value
	}
	return code
}

// parseAttribute reads the body of a POST of one attribute.
func parseAttribute(body []byte, maxDepth int) (name string, value json.RawMessage, err error) {
	members, err := parseObject(body, maxDepth)
	if err != nil {
		return "", nil, err
	}
	var faults []detail
	key, fault := parseText("key", members)
	if fault != nil {
		faults = append(faults, *fault)
	} else if key.value == "" {
		faults = append(faults, detail{Field: "key", Reason: reasonRequired})
	}
	if value = members["value"]; isNull(value) {
		faults = append(faults, detail{Field: "value", Reason: reasonRequired})
	}
	if faults != nil {
		return "", nil, invalidDetails(faults)
	}
	return key.value, compact(value), nil
}

// parseText reads a member that is a string or null, and need not be there. The empty text says the
// same as null, as it does to the service.
func parseText(name string, members map[string]json.RawMessage) (t text, fault *detail) {
	raw, sent := members[name]
	if !sent || isNull(raw) {
		return text{sent: sent}, nil
	}
	t.sent = true
	if raw[0] != '"' || json.Unmarshal(raw, &t.value) != nil {
		d := wrongType(name, raw)
		return text{}, &d
	}
	return t, nil
}

func isNull(raw json.RawMessage) bool { return len(raw) == 0 || string(raw) == "null" }

// compact drops insignificant white space.
func compact(raw json.RawMessage) json.RawMessage {
	var b bytes.Buffer
	if json.Compact(&b, raw) != nil {
		return raw
	}
	return b.Bytes()
}
