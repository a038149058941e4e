package server

import "strings"

// readOrigins returns the origins that -cors names. The interface checks them.
func readOrigins(list string) (origins []string) {
	if list == "" {
		return nil
	}
	for origin := range strings.SplitSeq(list, ",") {
		origins = append(origins, strings.TrimSpace(origin))
	}
	return origins
}
