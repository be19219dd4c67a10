// Package transport is the UDP transport under the camera's ICE agents: sockets that all viewers share
// ([Transport.Mux]), and that send the packets of a picture to a viewer with one system call instead
// of one each ([Transport.Coalesce]).
//
//	pion ─▶ ice.UDPMuxDefault ─▶ socket ─┬─ video of a registered SSRC ─▶ stream ─┐ end of picture
//	                                     └─ STUN, DTLS, RTCP, audio ──────────────┴▶ sendmmsg(2)
//
// SRTP leaves the RTP header in clear (RFC 3711 section 3.1). So a stream sees by the marker bit
// where a picture ends (RFC 6184 section 5.1), and by the sequence number what is a retransmission,
// which must not wait. What waits for an end of picture that does not come is sent after 5 ms.
//
// On Linux the packets of equal size are one message, which the kernel cuts ([UDP_SEGMENT]: generic
// segmentation offload). Where a path refuses that, each packet is a message of the same system
// call. Elsewhere each packet is a call.
//
// [UDP_SEGMENT]: https://man7.org/linux/man-pages/man7/udp.7.html
package transport
