// Package contract compares the OpenAPI document of middleware/rest with the running handler. It is
// a module of its own, so that programs that use the library do not depend on a reader of OpenAPI.
package contract
