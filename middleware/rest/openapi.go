package rest

import (
	_ "embed"
	"strconv"
)

//go:embed openapi.json
var openAPI []byte

// describe answers GET /openapi.json.
func (x *exchange) describe() error {
	x.w.Header().Set("Content-Type", "application/json")
	x.w.Header().Set("Content-Length", strconv.Itoa(len(openAPI)))
	_, _ = x.w.Write(openAPI)
	return nil
}
