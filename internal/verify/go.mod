module github.com/sessionctx/storefront/internal/verify

go 1.26.0

require (
	github.com/anishathalye/porcupine v1.3.1
	github.com/sessionctx/storefront v0.0.0
	github.com/stretchr/testify v1.12.1
	go.uber.org/goleak v1.3.0
	pgregory.net/rapid v1.3.0
)

replace github.com/sessionctx/storefront => ../..
