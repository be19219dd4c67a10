package rpc

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"seccam/pkg/signaling"
)

func TestJSONMethod(t *testing.T) {
	ping := JSON(`{"v":1}`, func(_ context.Context, request signaling.PingRequest) (signaling.PingReply, error) {
		if request.V != 1 {
			return signaling.PingReply{}, errors.New("not its business")
		}
		return signaling.PingReply{V: 1, Boot: "b"}, nil
	})
	kind, reply, err := ping(t.Context(), []byte(`{"v":1}`))
	require.NoError(t, err)
	require.Equal(t, signaling.ContentJSON, kind)
	var got signaling.PingReply
	require.NoError(t, json.Unmarshal(reply, &got))
	require.Equal(t, "b", got.Boot)

	_, _, err = ping(t.Context(), []byte(`{"v":"one"}`))
	var refusal *signaling.Error
	require.ErrorAs(t, err, &refusal)
	require.Equal(t, signaling.CodeBadMessage, refusal.Code)
	require.Contains(t, refusal.Message, `{"v":1}`)
	_, _, err = ping(t.Context(), []byte(`{"v":2}`))
	require.EqualError(t, err, "not its business")
}

func TestGuard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const portalAhead = 3 * time.Hour // the device's clock is wrong
		now := func() time.Time { return time.Now().Add(portalAhead) }
		stamp := func(age time.Duration) uint64 { return uint64(now().Add(-age).UnixMicro()) }
		g := NewGuard(now)
		time.Sleep(10 * time.Second)
		replayed := func(seq uint64) {
			t.Helper()
			var refusal *signaling.Error
			require.ErrorAs(t, g.Admit(seq), &refusal)
			require.Equal(t, signaling.CodeReplayed, refusal.Code)
		}
		replayed(0)
		replayed(stamp(-portalAhead))      // not of now
		replayed(stamp(61 * time.Second))  // old
		replayed(stamp(-61 * time.Second)) // of the future
		replayed(stamp(11 * time.Second))  // the daemon that ran before may have obeyed it
		first := stamp(time.Second)
		require.NoError(t, g.Admit(first))
		replayed(first)
		replayed(first - 1)
		require.NoError(t, g.Admit(first+1))
	})
}

// FuzzJSON: whatever a request is, the answer is JSON of the method's or a refusal that says what to send.
func FuzzJSON(f *testing.F) {
	for _, seed := range []string{`{"v":1}`, `{"v":1,"level":"info","since":-1,"limit":9}`, `{"v":1,"seq":18446744073709551615,"what":"daemon"}`, `{"v":1,"values":{"x":null}}`, `[]`, `null`} {
		f.Add([]byte(seed))
	}
	methods := map[string]Method{
		"ping": JSON("p", func(_ context.Context, r signaling.PingRequest) (signaling.PingRequest, error) { return r, nil }),
		"logs": JSON("l", func(_ context.Context, r signaling.LogsRequest) (signaling.LogsRequest, error) { return r, nil }),
		"restart": JSON("r", func(_ context.Context, r signaling.RestartRequest) (signaling.RestartRequest, error) {
			return r, NewGuard(time.Now).Admit(r.Seq)
		}),
		"config": JSON("c", func(_ context.Context, r signaling.ConfigRequest) (map[string]string, error) {
			return signaling.CheckConfig(r.Values), nil
		}),
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for name, method := range methods {
			kind, reply, err := method(t.Context(), data)
			var refusal *signaling.Error
			if err != nil {
				require.ErrorAs(t, err, &refusal, name)
				continue
			}
			require.Equal(t, signaling.ContentJSON, kind)
			require.True(t, json.Valid(reply), "%s: %s", name, reply)
		}
	})
}
