package network

import (
	"context"
	"os"

	"golang.org/x/sys/unix"
)

// notices receives something after changes of links and addresses (rtnetlink(7)); nil if the kernel does
// not tell.
func notices(ctx context.Context) <-chan struct{} {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_ROUTE)
	if err != nil {
		return nil
	}
	groups := uint32(unix.RTMGRP_LINK | unix.RTMGRP_IPV4_IFADDR | unix.RTMGRP_IPV6_IFADDR)
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: groups}); err != nil {
		_ = unix.Close(fd)
		return nil
	}
	socket := os.NewFile(uintptr(fd), "rtnetlink") // in Go's poller, since it does not block
	context.AfterFunc(ctx, func() { _ = socket.Close() })
	told := make(chan struct{}, 1)
	go func() {
		buffer := make([]byte, 1<<16)
		for ctx.Err() == nil {
			// What was lost of a flood (ENOBUFS) is a change, too.
			if _, err := socket.Read(buffer); err != nil && ctx.Err() != nil {
				return
			}
			select {
			case told <- struct{}{}:
			default:
			}
		}
	}()
	return told
}
