//go:build bench

package e2e

import (
	"context"
	"errors"
	"net"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// longCable plugs a computer into a port of far's by a cable that everything takes a while to pass, one way.
// The kernels of small virtual machines lack netem, so frames pass through this process.
func longCable(far *namespace, port, bridge string, oneWay time.Duration) *host {
	far.t.Helper()
	middle := newNamespace(far.t)
	h := newHost(middle, "near", "")
	far.run("ip", "link", "add", port, "type", "veth", "peer", "name", "far", "netns", middle.path())
	far.run("ip", "link", "set", port, "master", bridge, "up")
	middle.run("ip", "link", "set", "far", "up")
	near, away := middle.tap("near"), middle.tap("far")
	ctx, stop := context.WithCancel(context.Background())
	var pumps sync.WaitGroup
	pumps.Go(func() { pump(ctx, far.t, near, away, oneWay) })
	pumps.Go(func() { pump(ctx, far.t, away, near, oneWay) })
	far.t.Cleanup(func() {
		stop()
		_, _ = near.Close(), away.Close()
		pumps.Wait()
	})
	return h
}

// tap opens a socket that reads what enters the namespace by a device, and writes what leaves by it. Each
// frame has a header (struct virtio_net_hdr), which keeps checksums and segments that the kernel has left
// for later as they are.
func (n *namespace) tap(device string) *os.File {
	n.t.Helper()
	var file *os.File
	require.NoError(n.t, elsewhere(func() error { return unix.Setns(int(n.file.Fd()), unix.CLONE_NEWNET) }, func() error {
		const all = unix.ETH_P_ALL<<8&0xff00 | unix.ETH_P_ALL>>8 // in the network's byte order
		fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, all)
		if err != nil {
			return err
		}
		file = os.NewFile(uintptr(fd), device)
		link, err := net.InterfaceByName(device)
		if err != nil {
			return err
		}
		return errors.Join(
			unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_VNET_HDR, 1),
			unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_IGNORE_OUTGOING, 1),
			unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: all, Ifindex: link.Index}),
		)
	}))
	return file
}

// frame is a frame on its way.
type frame struct {
	data []byte
	due  time.Time
}

// pump passes frames on, each when its time has come.
func pump(ctx context.Context, t *testing.T, from, to *os.File, oneWay time.Duration) {
	onTheWay := make(chan frame, 10_000) // as much as a second of a fast link
	var writer sync.WaitGroup
	writer.Go(func() {
		for f := range onTheWay {
			arrival := time.NewTimer(time.Until(f.due))
			select {
			case <-arrival.C:
			case <-ctx.Done():
				arrival.Stop()
			}
			_, _ = to.Write(f.data) // a link that is down, or a queue that is full, loses it
		}
	})
	buffer := make([]byte, 1<<17)
	for {
		n, err := from.Read(buffer)
		if err != nil {
			if !errors.Is(err, os.ErrClosed) {
				t.Errorf("cable: %v", err)
			}
			break
		}
		onTheWay <- frame{append([]byte(nil), buffer[:n]...), time.Now().Add(oneWay)}
	}
	close(onTheWay)
	writer.Wait()
}
