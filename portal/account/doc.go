// Package account is what people can do: sign up, log in, claim, rename and release cameras. Pages
// and the HTTP API call the same methods, so the same rules hold whichever way a request came.
//
// Errors: [FieldErrors] for what the person can correct, the Err values for refusals; everything
// else is internal.
package account
