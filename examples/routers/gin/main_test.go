package main

import (
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/sessionctx/storefront/examples/routers/internal/shoptest"
)

func TestHandler_ShowsAndChanges(t *testing.T) {
	shoptest.RunHandler(t, handler(shoptest.Open(t)))
}

func TestGrouped_ShowsAndChanges(t *testing.T) {
	shoptest.RunHandler(t, grouped(shoptest.Open(t)))
}

func TestMain(m *testing.M) {
	gin.SetMode(gin.TestMode)
	m.Run()
}
