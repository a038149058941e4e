module github.com/sessionctx/storefront/sessionctx/boltstore

go 1.26.0

require github.com/sessionctx/storefront v0.0.0

require (
	github.com/stretchr/testify v1.12.1 // indirect
	go.etcd.io/bbolt v1.5.0 // indirect
	golang.org/x/sys v0.49.0 // indirect
)

replace github.com/sessionctx/storefront => ../..
