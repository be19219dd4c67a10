package mqttclient_test

import (
	"context"
	"net"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eclipse/paho.golang/packets"
	"github.com/stretchr/testify/require"

	"seccam/pkg/mqttclient"
)

// A client whose connection the broker has closed comes back within the time that all are to spread over; one that
// has lost it alone, at once.
func TestClientsSpreadAfterTheBrokerLostThem(t *testing.T) {
	closed := func(_, broker net.Conn) { _ = broker.Close() }
	silent := func(client, _ net.Conn) { _ = client.SetReadDeadline(time.Now()) } // as after TCP_USER_TIMEOUT
	few, many := time.Duration(0), time.Minute
	for name, c := range map[string]struct {
		within         time.Duration
		lose           func(client, broker net.Conn)
		longest, bound time.Duration
	}{
		"closed, of many": {many, closed, many / 3, many + time.Second},
		"closed, of few":  {few, closed, 0, time.Second},
		"silent, of many": {many, silent, 0, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			waits := outages(t, c.within, c.lose)
			require.Less(t, slices.Max(waits), c.bound)
			require.Greater(t, slices.Max(waits), c.longest, "all of 30 in the first third")
			require.Less(t, slices.Min(waits), max(c.bound/3, time.Second))
		})
	}
}

const outagesTried = 30

// outages loses a client's connection again and again and returns after how long it was back each time.
func outages(t *testing.T, within time.Duration, lose func(client, broker net.Conn)) (waits []time.Duration) {
	synctest.Test(t, func(t *testing.T) {
		var lost time.Time
		h := start(t, func() string { return "mqtt://broker" }, camera, func(cfg *mqttclient.Config) {
			cfg.Credentials = func(context.Context) (mqttclient.Credential, error) {
				c := credentialOf("mqtt://broker", camera)
				c.ReconnectWithin = within
				return c, nil
			}
			cfg.Dial = func(ctx context.Context) (net.Conn, error) {
				if !lost.IsZero() {
					waits = append(waits, time.Since(lost))
				}
				if len(waits) == outagesTried {
					<-ctx.Done()
					return nil, ctx.Err()
				}
				client, broker := net.Pipe()
				go func() {
					accept(broker)
					time.Sleep(time.Second)
					lost = time.Now()
					lose(client, broker)
				}()
				return client, nil
			}
			cfg.OnUp = func(context.Context) {}
			cfg.OnDown = func(error) {}
		})
		time.Sleep(outagesTried * (within + 3*time.Second))
		h.stop()
	})
	require.Len(t, waits, outagesTried)
	return waits
}

// accept answers a CONNECT.
func accept(broker net.Conn) {
	if _, err := packets.ReadPacket(broker); err == nil {
		_, _ = packets.NewControlPacket(packets.CONNACK).WriteTo(broker)
	}
}
