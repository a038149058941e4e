package middleware

import "fmt"

// ConfigError is one mistake in a Config or a BearerConfig.
type ConfigError struct {
	Field  string // the field, as in "Config.Sites"
	Value  string // the value or map key at fault; empty where there is none or where it is a secret
	Reason Reason
}

// Error names the field, the value and the reason.
func (e *ConfigError) Error() string {
	if e.Value == "" {
		return fmt.Sprintf("middleware: %s: %s", e.Field, e.Reason)
	}
	return fmt.Sprintf("middleware: %s: %q %s", e.Field, e.Value, e.Reason)
}

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
