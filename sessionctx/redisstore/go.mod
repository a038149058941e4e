module github.com/sessionctx/storefront/sessionctx/redisstore

go 1.26.0

require github.com/sessionctx/storefront v0.0.0

require (
	github.com/redis/rueidis v1.0.79 // indirect
	github.com/stretchr/testify v1.12.1 // indirect
	golang.org/x/sys v0.49.0 // indirect
)

replace github.com/sessionctx/storefront => ../..
