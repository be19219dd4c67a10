package web

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// description is the OpenAPI document. It is long to read, so it is read once; nobody changes it.
var description = sync.OnceValues(func() (*openapi3.T, error) {
	return openapi3.NewLoader().LoadFromData(openapiDocument)
})

// router finds a request's route in the document, on any host.
var router = sync.OnceValues(func() (routers.Router, error) {
	openapi3filter.RegisterBodyDecoder("application/problem+json", openapi3filter.JSONBodyDecoder)
	openapi3filter.RegisterBodyDecoder(mimeSDP, openapi3filter.PlainBodyDecoder)
	openapi3filter.RegisterBodyDecoder(mimeFragment, openapi3filter.PlainBodyDecoder)
	doc, err := description()
	if err != nil {
		return nil, err
	}
	anywhere := *doc
	anywhere.Servers = nil
	return gorillamux.NewRouter(&anywhere)
})

// checkAnswer validates every answer of the API, in every test, against the OpenAPI document.
func checkAnswer(t *testing.T, req *http.Request, resp *http.Response, body []byte) {
	t.Helper()
	if !strings.HasPrefix(req.URL.Path, apiPrefix) || resp.StatusCode == http.StatusSwitchingProtocols {
		return
	}
	routes, err := router()
	require.NoError(t, err)
	bare := &http.Request{Method: req.Method, URL: &url.URL{Path: req.URL.Path}, Header: req.Header, Host: req.Host}
	route, params, err := routes.FindRoute(bare)
	if err != nil {
		return // a route that does not exist answers problem details too; TestUnknownRoute looks at it
	}
	err = openapi3filter.ValidateResponse(t.Context(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{Request: bare, PathParams: params, Route: route},
		Status:                 resp.StatusCode, Header: resp.Header, Body: io.NopCloser(bytes.NewReader(body)),
		Options: &openapi3filter.Options{IncludeResponseStatus: true},
	})
	assert.NoError(t, err, "%s %s answered %d %s", req.Method, req.URL.Path, resp.StatusCode, body)
}

func TestOpenAPIIsValid(t *testing.T) {
	t.Parallel()
	doc, err := description()
	require.NoError(t, err)
	require.NoError(t, doc.Validate(t.Context()))
}

var routeParam = regexp.MustCompile(`:(\w+)`)

func TestOpenAPIHasEveryRoute(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	served := map[string]bool{}
	for _, route := range p.server.echo.Routes() {
		if strings.HasPrefix(route.Path, apiPrefix) && route.Method != "echo_route_not_found" && route.Name != reserved {
			served[route.Method+" "+routeParam.ReplaceAllString(route.Path, "{$1}")] = true
		}
	}
	doc, err := description()
	require.NoError(t, err)
	described := map[string]bool{}
	for path, item := range doc.Paths.Map() {
		for method := range item.Operations() {
			described[method+" "+path] = true
		}
	}
	assert.Equal(t, described, served)
}

func TestOpenAPIIsServed(t *testing.T) {
	t.Parallel()
	answer := newPortal(t).client().get(apiPrefix + "/openapi.json")
	assert.Equal(t, http.StatusOK, answer.status)
	assert.JSONEq(t, string(openapiDocument), answer.body)
}
