package turn

import (
	"encoding/json"
	"testing"

	"github.com/pion/stun/v4"
	"github.com/stretchr/testify/require"

	"seccam/pkg/signaling"
)

// FuzzAnswers has whatever a service sends either refused or made into servers that both ends can use.
// testdata/fuzz has answers of the services, and some that are wrong.
func FuzzAnswers(f *testing.F) {
	parsers := []func([]byte) ([]signaling.ICEServer, error){parseMetered, parseCloudflare}
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, parse := range parsers {
			s := service{parse: parse}
			answer, err := s.read(body)
			if err != nil {
				require.Empty(t, answer)
				continue
			}
			servers := together(answer)
			text, err := json.Marshal(servers)
			require.NoError(t, err)
			require.LessOrEqual(t, len(text), maxURLs*(signaling.MaxText+maxCredential+64))
			relays := 0
			for _, server := range servers {
				require.NotEmpty(t, server.URLs)
				for _, raw := range server.URLs {
					uri, err := stun.ParseURI(raw)
					require.NoError(t, err, "a camera reads it")
					if uri.Scheme == stun.SchemeTypeTURN || uri.Scheme == stun.SchemeTypeTURNS {
						require.NotEmpty(t, server.Username)
						require.NotEmpty(t, server.Credential)
						relays++
					}
				}
			}
			require.Positive(t, relays)
		}
	})
}
