package turn

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"

	"seccam/pkg/signaling"
)

const kindMetered = "metered"

// meteredLife is how long an answer of Metered is used. Its credentials live until they are deleted, or
// as long as they were made to, and the answer does not say which. So one is used no longer than one that
// we mint.
const meteredLife = CredentialTTL

// metered is Metered's "Get TURN Credential", which Open Relay has, too:
// https://www.metered.ca/docs/turn-rest-api/get-credential
func metered(cfg Service, key string) service {
	base := "https://" + cfg.App + ".metered.live"
	if cfg.URL != "" {
		base = strings.TrimSuffix(cfg.URL, "/")
	}
	return service{
		hint: "app and " + cfg.KeyFile, life: meteredLife,
		request: func(ctx context.Context) (*http.Request, error) {
			address := base + "/api/v1/turn/credentials?" + url.Values{"apiKey": {key}}.Encode()
			return http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
		},
		parse: parseMetered,
	}
}

// parseMetered reads an array of servers, each with one URL.
func parseMetered(body []byte) ([]signaling.ICEServer, error) {
	var servers []iceServer
	err := json.Unmarshal(body, &servers)
	return forSignaling(servers), err
}
