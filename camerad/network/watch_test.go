package network

import (
	"context"
	"net/netip"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		var now atomic.Pointer[[]netip.Addr]
		var changes atomic.Int32
		now.Store(&[]netip.Addr{})
		told := make(chan struct{})
		go watch(ctx, func() []netip.Addr { return *now.Load() }, told, func() { changes.Add(1) })
		synctest.Wait()

		told <- struct{}{}
		time.Sleep(2 * settle)
		assert.Zero(t, changes.Load(), "told, but nothing has changed")

		now.Store(&[]netip.Addr{netip.MustParseAddr("192.0.2.1")})
		told <- struct{}{}
		time.Sleep(2 * settle)
		assert.Equal(t, int32(1), changes.Load())

		now.Store(&[]netip.Addr{})
		time.Sleep(2 * interval)
		assert.Equal(t, int32(2), changes.Load(), "not told, but seen")
	})
}

// TestEnds: nothing is left behind, the kernel's notices included.
func TestEnds(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		Watch(ctx, func() {})
	}()
	stop()
	<-ended
}

func TestAddresses(t *testing.T) {
	for _, address := range Addresses() {
		assert.False(t, address.IsLoopback() || address.IsLinkLocalUnicast(), address)
	}
}
