// Package web is what people and programs reach over HTTP: the pages, the JSON API with its OpenAPI
// document, and the door to the signalling WebSocket. It is the only importer of Echo.
//
// Start at routes.go, which names every route or where it is; each feature has a file of its own
// with its page and form handlers; api_*.go holds the same features for programs. Both call
// account.Service, so the same rules hold whichever way a request came.
//
// A handler returns an error instead of writing one: errors.go turns it into a page or, below /api,
// into problem details (RFC 9457). Templates are in templates/; the style sheet and the ES modules
// are in static/, embedded and served under a hash of their content.
package web
