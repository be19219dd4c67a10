package tracing

import (
	"fmt"
	"net/url"

	"seccam/pkg/config"
)

// Config is the section traces of a program's configuration.
type Config struct {
	// URL is where a collector takes OTLP over HTTP; empty is off.
	URL string `yaml:"url"`
}

// defaultPath is added to an address without a path, as OTEL_EXPORTER_OTLP_ENDPOINT has it.
const defaultPath = "/v1/traces"

// Validate says what is wrong with the section.
func (c Config) Validate() error {
	if c.URL == "" {
		return nil
	}
	u, err := url.Parse(c.URL)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return fmt.Errorf("traces.url: %q is not an address such as http://127.0.0.1:4318", c.URL)
	case u.User != nil:
		return fmt.Errorf("traces.url: a password does not belong there; send to a collector of your own, which adds what a service asks for")
	case !config.Confidential(u):
		return fmt.Errorf("traces.url: %q could be read on the way; use https, or a collector on this machine", c.URL)
	}
	return nil
}

// endpoint is the whole address. The section must be valid.
func (c Config) endpoint() string {
	u, err := url.Parse(c.URL)
	if err != nil {
		return ""
	}
	if u.Path == "" || u.Path == "/" {
		u.Path = defaultPath
	}
	return u.String()
}
