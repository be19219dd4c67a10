package metrics

import (
	"context"
	"io"
	"net/http"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"github.com/stretchr/testify/require"
)

func TestServe(t *testing.T) {
	s, err := Listen("127.0.0.1:0")
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	viewers := Gauge("viewers", "Viewers now.")
	lost := Counter("lost_total", "Packets that were lost.")
	all := Collector(func() []prometheus.Metric { return []prometheus.Metric{viewers.Is(3), lost.Is(7)} })
	go func() { done <- s.Serve(ctx, all) }()

	resp, err := http.Get("http://" + s.Addr() + "/metrics")
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	for _, line := range []string{"seccam_viewers 3", "seccam_lost_total 7", "go_goroutines ", "process_open_fds "} {
		require.Contains(t, string(text), "\n"+line)
	}
	problems, err := testutil.CollectAndLint(all)
	require.NoError(t, err)
	require.Equal(t, []promlint.Problem(nil), problems)
	stop()
	require.NoError(t, <-done)
}

func TestOff(t *testing.T) {
	s, err := Listen("")
	require.NoError(t, err)
	require.Nil(t, s)
	require.Empty(t, s.Addr())
	require.NoError(t, s.Serve(t.Context()))
	require.NoError(t, s.Close())
}

func TestAddresses(t *testing.T) {
	require.NoError(t, Check(""))
	require.NoError(t, Check("127.0.0.1:9464"))
	require.ErrorContains(t, Check("9464"), "such as 127.0.0.1:9464")
	s, err := Listen("127.0.0.1:0")
	require.NoError(t, err)
	_, err = Listen(s.Addr())
	require.ErrorContains(t, err, "another program")
	require.NoError(t, s.Close())
}
