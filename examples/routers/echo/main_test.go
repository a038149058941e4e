package main

import (
	"testing"

	"github.com/sessionctx/storefront/examples/routers/internal/shoptest"
)

func TestHandler_ShowsAndChanges(t *testing.T) {
	shoptest.RunHandler(t, handler(shoptest.Open(t)))
}
