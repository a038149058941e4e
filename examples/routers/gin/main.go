// Gin is the shop on gin.
package main

import (
	"log"
	"net/http"

	"github.com/gin-gonic/gin"

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

// handler wraps the whole router.
func handler(mw *middleware.Middleware) http.Handler {
	router := gin.New()
	routes(router, mw)
	wrapped := mw.Wrap(router)
	return http.NewCrossOriginProtection().Handler(wrapped)
}

// grouped is the same shop, with the middleware around a group of the routes.
func grouped(mw *middleware.Middleware) http.Handler {
	router := gin.New()
	group := router.Group("/")
	group.Use(func(c *gin.Context) {
		next := func(_ http.ResponseWriter, r *http.Request) { c.Request = r; c.Next() }
		mw.Wrap(http.HandlerFunc(next)).ServeHTTP(c.Writer, c.Request)
		c.Abort() // The handlers have run, or the middleware has answered.
	})
	routes(group, mw)
	return http.NewCrossOriginProtection().Handler(router)
}

func routes(router gin.IRoutes, mw *middleware.Middleware) {
	router.GET("/", func(c *gin.Context) {
		c.String(http.StatusOK, shop.Line(c.Request.Context())) // not Line(c): see gin.Engine.ContextWithFallback
	})
	router.POST("/currency", func(c *gin.Context) {
		if _, err := mw.Update(c.Writer, c.Request, shop.Choice(c.PostForm("currency"))); err != nil {
			middleware.Fail(c.Writer, c.Request, err, nil)
			return
		}
		c.Redirect(http.StatusSeeOther, "/")
	})
}
