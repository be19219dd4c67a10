package web

import (
	"errors"
	"net/http"
	"strings"

	"seccam/pkg/signaling"
	"seccam/portal/account"
	"seccam/portal/whep"
)

// Refusals of WHEP that are about HTTP.
var (
	errBadToken    = errors.New("this is not a token that may watch, or it has expired or was revoked")
	errNotSDP      = errors.New("the request's body has to be SDP, sent as " + mimeSDP)
	errNotFragment = errors.New("the request's body has to be an SDP fragment, sent as " + mimeFragment)
)

// watchRefusals are the answers to refusals of a camera, or of the portal on its behalf. A retryAfter here is
// for where the refusal names none.
var watchRefusals = map[signaling.Code]problem{
	signaling.CodeOffline:    {Type: "camera-offline", Title: "The camera is offline", Status: http.StatusConflict, retryAfter: 10},
	signaling.CodePrivate:    {Type: "camera-private", Title: "Privacy mode is on", Status: http.StatusConflict, retryAfter: 60},
	signaling.CodeUnpaired:   {Type: "only-paired-devices", Title: "Only paired devices may watch", Status: http.StatusForbidden},
	signaling.CodeSourceLost: {Type: "no-picture", Title: "The camera has no picture", Status: http.StatusConflict, retryAfter: 10},
	signaling.CodeBusy:       {Type: "camera-busy", Title: "The camera is busy", Status: http.StatusServiceUnavailable, retryAfter: 10},
	signaling.CodeInternal:   {Type: "not-connected", Title: "The camera cannot be reached", Status: http.StatusServiceUnavailable, retryAfter: 5},
	signaling.CodeNoCodec:    {Type: "no-common-codec", Title: "No codec in common", Status: http.StatusUnprocessableEntity},
	signaling.CodeBadMessage: {Type: "bad-sdp", Title: "Malformed SDP", Status: http.StatusBadRequest},
}

// watchProblem puts what went wrong with a view into an answer.
func watchProblem(err error) error {
	var refusal *signaling.Error
	switch {
	case errors.Is(err, whep.ErrClosed):
		refusal = &signaling.Error{Code: signaling.CodeInternal, Message: "The portal is restarting"}
	case !errors.As(err, &refusal):
		return err
	case refusal.Code == signaling.CodeNotFound:
		return account.ErrNotFound
	}
	p, known := watchRefusals[refusal.Code]
	if !known {
		p = problem{Type: "camera-failed", Title: "The camera could not do it", Status: http.StatusBadGateway}
	}
	p.Type, p.Detail = problemURN+p.Type, strings.TrimSuffix(refusal.Message, ".")+"."
	if refusal.RetryAfter > 0 {
		p.retryAfter = refusal.RetryAfter
	}
	return p
}

// addLinks adds a header for each URL, in the one form that MediaMTX's client reads.
func addLinks(header http.Header, servers []signaling.ICEServer) {
	for _, server := range servers {
		for _, url := range server.URLs {
			link := "<" + url + `>; rel="ice-server"`
			if server.Username != "" {
				link += `; username=` + quotedString(server.Username) + `; credential=` + quotedString(server.Credential) + `; credential-type="password"`
			}
			header.Add("Link", link)
		}
	}
}

// quotedString is a quoted-string (RFC 9110 section 5.6.4).
func quotedString(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}
