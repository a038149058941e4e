// Fiber is the shop on fiber, which is not built on net/http: the file adapter.go is between them.
package main

import (
	"log"
	"net/http"

	"github.com/gofiber/fiber/v3"

	"github.com/sessionctx/storefront/examples/routers/internal/shop"
	"github.com/sessionctx/storefront/middleware"
)

func main() {
	mw, err := shop.New()
	if err != nil {
		log.Fatal(err)
	}
	log.Fatal(app(mw, adapt(mw.Wrap)).Listen("localhost:8080"))
}

// app returns the shop with a handler that attaches the session.
func app(mw *middleware.Middleware, attach fiber.Handler) *fiber.App {
	// Without Immutable, a text such as that of FormValue changes after the handler has returned: it
	// must not get into a session.
	app := fiber.New(fiber.Config{Immutable: true})
	app.Use(adapt(http.NewCrossOriginProtection().Handler))
	app.Use(attach)
	app.Get("/", func(c fiber.Ctx) error {
		return c.SendString(shop.Line(c.Context()))
	})
	app.Post("/currency", func(c fiber.Ctx) error {
		w, r := pair(c)
		if _, err := mw.Update(w, r, shop.Choice(c.FormValue("currency"))); err != nil {
			middleware.Fail(w, r, err, nil)
			return nil
		}
		return c.Redirect().Status(fiber.StatusSeeOther).To("/")
	})
	return app
}
