// Package transport is the UDP transport under the camera's ICE agents: sockets that all viewers share
// ([Transport.Mux]), and that send the packets of a picture to a viewer with one system call instead
// of one each. A viewer's video goes there past pion's layers ([Express]), which cost more than all else.
//
//	media ─┬──────────────── Express: seal ────────────────┐
//	       └─▶ pion ─▶ ice.UDPMuxDefault ─▶ socket ─┬─▶ stream ─┐ end of picture
//	                    STUN, DTLS, RTCP, audio ────┴───────────┴─▶ sendmmsg(2)
//
//	recvmmsg(2) ─▶ socket ─┬─ reports on a viewer's video: open ─▶ media
//	                       └─ all else ─▶ ice.UDPMuxDefault ─▶ pion
//
// SRTP leaves the RTP header in clear (RFC 3711 section 3.1). So a stream sees by the marker bit
// where a picture ends (RFC 6184 section 5.1), and by the sequence number what is a retransmission,
// which must not wait. What waits for an end of picture that does not come is sent after 5 ms.
//
// A viewer's express is open once a packet of pion's came through a socket, to the viewer, exactly as it
// would have been sealed here ([suite]): that proves the keys, and that pion would send there. It shuts when pion
// chooses another path. Relays, TCP, and whatever else is agreed on that is not known here go pion's way.
//
// The packets of equal size are one message, which the kernel cuts ([UDP_SEGMENT]: generic segmentation
// offload). Where a path refuses that, each packet is a message of the same system call.
//
// [UDP_SEGMENT]: https://man7.org/linux/man-pages/man7/udp.7.html
package transport
