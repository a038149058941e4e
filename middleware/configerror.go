package middleware

import "fmt"

// ConfigError is one mistake in a Config or a BearerConfig.
type ConfigError struct {
	Field  string // the field, as in "Config.Sites"
	Value  string // the value or map key at fault; empty where there is none or where it is a secret
	Reason Reason
	Rule   string // what would be right; empty where the Reason says all
}

// Error names the field, the value, the reason and the rule.
func (e *ConfigError) Error() string {
	text := "middleware: " + e.Field + ": "
	if e.Value != "" {
		text += fmt.Sprintf("%q ", e.Value)
	}
	text += string(e.Reason)
	if e.Rule != "" {
		text += ": " + e.Rule
	}
	return text
}

const ruleTenant = "must match ^[a-z][a-z0-9]+$ and have 3 to 16 characters"

// Reason says what is wrong with a value. The constants are all there are.
type Reason string

// The reasons of a ConfigError.
const (
	ReasonMissing   Reason = "is required"
	ReasonMalformed Reason = "is malformed"
	ReasonNoSite    Reason = "has no site code"
	ReasonRange     Reason = "is out of range"
	ReasonDuplicate Reason = "is there more than once"
	ReasonExcluded  Reason = "cannot go together with another field that is set"
	ReasonNoEffect  Reason = "has no effect without a field that is not set"
	ReasonEveryone  Reason = "would trust everyone"
	ReasonAlgorithm Reason = "is not a signature algorithm that is supported here"
	ReasonMixed     Reason = "mixes secret-key and public-key algorithms"
	ReasonKey       Reason = "has a key that is not of the kind, curve or least size of its algorithm"
)
