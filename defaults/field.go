package defaults

// Field names one of the four resolved values.
type Field uint8

// The fields, in the order in which they are decided: the site says what the others may be.
const (
	FieldSite Field = iota
	FieldCurrency
	FieldCountry
	FieldLanguage
	NumFields = 4 // how many fields there are
)

var fieldNames = []string{FieldSite: "site", FieldCurrency: "currency", FieldCountry: "country", FieldLanguage: "language"}

// String returns "site", "currency", "country" or "language".
func (f Field) String() string { return nameOf("Field", fieldNames, uint8(f)) }

// MarshalText returns what String returns, and an error for a value that is no field.
func (f Field) MarshalText() ([]byte, error) { return textOf("Field", fieldNames, uint8(f)) }

// UnmarshalText reads what MarshalText wrote. Any other text is an error and leaves f alone.
func (f *Field) UnmarshalText(text []byte) error {
	i, err := parseName("Field", fieldNames, text)
	if err == nil {
		*f = Field(i)
	}
	return err
}
