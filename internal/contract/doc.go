// Package contract holds the OpenAPI document of middleware/rest against the running handler. It is
// a module of its own, so that what reads OpenAPI does not reach those who use the library.
package contract
