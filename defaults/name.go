package defaults

import (
	"fmt"
	"slices"
)

// nameOf, textOf and parseName serve the enumerations Field, Source and Reason: the index in names
// is the value. The name "-" stands for a value that has no text.

const noName = "-"

func nameOf(kind string, names []string, i uint8) string {
	if int(i) < len(names) && names[i] != noName {
		return names[i]
	}
	return fmt.Sprintf("%s(%d)", kind, i)
}

func textOf(kind string, names []string, i uint8) ([]byte, error) {
	if int(i) < len(names) && names[i] != noName {
		return []byte(names[i]), nil
	}
	return nil, fmt.Errorf("defaults: %s(%d) has no name", kind, i)
}

func parseName(kind string, names []string, text []byte) (uint8, error) {
	if i := slices.Index(names, string(text)); i >= 0 && string(text) != noName {
		return uint8(i), nil
	}
	return 0, fmt.Errorf("defaults: %q is no %s", text, kind)
}
