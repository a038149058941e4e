// Package data carries a sample shop: the data that the storefront serves when it is given none.
package data

import (
	"embed"
	"io/fs"
)

//go:embed demoshop othershop
var shops embed.FS

// Shops returns the sample data: one folder for each tenant, as package sitefile reads it.
func Shops() fs.FS { return shops }
