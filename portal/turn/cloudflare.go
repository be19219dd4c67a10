package turn

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"seccam/pkg/signaling"
)

const kindCloudflare = "cloudflare"

// Of Cloudflare's credentials: by default those given to anyone have four hours or more to live, as those
// that we mint. The service refuses more than 48 hours.
const (
	defaultTTL = 2 * CredentialTTL
	minTTL     = 4 * spare
	maxTTL     = 48 * time.Hour
)

// cloudflare is "Create credentials" of Cloudflare's TURN service:
// https://developers.cloudflare.com/realtime/turn/generate-credentials/
func cloudflare(cfg Service, token string) service {
	base := "https://rtc.live.cloudflare.com"
	if cfg.URL != "" {
		base = strings.TrimSuffix(cfg.URL, "/")
	}
	life := cfg.TTL
	if life == 0 {
		life = defaultTTL
	}
	body := `{"ttl":` + strconv.Itoa(int(life/time.Second)) + `}`
	return service{
		hint: "key_id and " + cfg.TokenFile, life: life,
		request: func(ctx context.Context) (*http.Request, error) {
			address := base + "/v1/turn/keys/" + cfg.KeyID + "/credentials/generate-ice-servers"
			request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(body))
			if err != nil {
				return nil, err
			}
			request.Header.Set("Authorization", "Bearer "+token)
			request.Header.Set("Content-Type", "application/json")
			return request, nil
		},
		parse: parseCloudflare,
	}
}

// parseCloudflare reads an object with one server or several, each with several URLs.
func parseCloudflare(body []byte) ([]signaling.ICEServer, error) {
	var answer struct {
		ICEServers list[iceServer] `json:"iceServers"`
	}
	err := json.Unmarshal(body, &answer)
	return forSignaling(answer.ICEServers), err
}
