package mqttclient_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"seccam/pkg/credential"
	"seccam/pkg/mqttclient"
)

// Who was revoked is cut off by a broker that knows nothing of it, and asks for another credential.
func TestTakeOverEndsAClient(t *testing.T) {
	server := serve(t, "127.0.0.1:0")
	who := credential.Identity{Role: credential.RoleCamera, ID: "victim"}
	var revoked atomic.Bool
	refused := make(chan struct{}, 1)
	victim := start(t, server.url, who, func(cfg *mqttclient.Config) {
		cfg.Credentials = func(context.Context) (mqttclient.Credential, error) {
			if revoked.Load() {
				select {
				case refused <- struct{}{}:
				default:
				}
				return mqttclient.Credential{}, errors.New("revoked")
			}
			return credentialOf(server.url(), who), nil
		}
	})
	next(t, "connection", victim.ups)
	revoked.Store(true)
	cred := credentialOf(server.url(), who)
	require.NoError(t, mqttclient.TakeOver(t.Context(), cred, nil))
	next(t, "the question for another credential", refused)
	require.False(t, victim.Connected())

	cred.URLs = []string{server.url(), "mqtt://127.0.0.1:1"}
	require.ErrorContains(t, mqttclient.TakeOver(t.Context(), cred, nil), "mqtt://127.0.0.1:1: ", "a node that is down is named")
}

// An attempt goes on to the next address at once.
func TestFirstAddressThatAnswers(t *testing.T) {
	server := serve(t, "127.0.0.1:0")
	who := credential.Identity{Role: credential.RoleCamera, ID: "c"}
	h := start(t, server.url, who, func(cfg *mqttclient.Config) {
		cfg.Credentials = func(context.Context) (mqttclient.Credential, error) {
			cred := credentialOf(server.url(), who)
			cred.URLs = []string{"mqtt://127.0.0.1:1", server.url()}
			return cred, nil
		}
	})
	next(t, "connection", h.ups)
	require.EqualValues(t, 1, h.asked.Load())
}
