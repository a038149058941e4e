// Echo is the shop on echo.
package main

import (
	"log"
	"net/http"

	"github.com/labstack/echo/v5"

	"github.com/sessionctx/storefront/examples/routers/internal/shop"
	"github.com/sessionctx/storefront/middleware"
)

func main() {
	mw, err := shop.New()
	if err != nil {
		log.Fatal(err)
	}
	log.Println("listening on http://localhost:8080")
	log.Fatal(http.ListenAndServe("localhost:8080", handler(mw)))
}

func handler(mw *middleware.Middleware) http.Handler {
	e := echo.New()
	e.Use(echo.WrapMiddleware(http.NewCrossOriginProtection().Handler))
	e.Use(echo.WrapMiddleware(mw.Wrap))
	e.GET("/", func(c *echo.Context) error {
		return c.String(http.StatusOK, shop.Line(c.Request().Context()))
	})
	e.POST("/currency", func(c *echo.Context) error {
		if _, err := mw.Update(c.Response(), c.Request(), shop.Choice(c.FormValue("currency"))); err != nil {
			middleware.Fail(c.Response(), c.Request(), err, nil)
			return nil
		}
		return c.Redirect(http.StatusSeeOther, "/")
	})
	return e
}
