module github.com/sessionctx/storefront/examples

go 1.26.0

require github.com/sessionctx/storefront v0.0.0

replace github.com/sessionctx/storefront => ..
