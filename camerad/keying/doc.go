// Package keying learns which SRTP keys a connection of pion's has, from the DTLS handshake in which the
// camera is the server.
//
// pion exports keying material to itself alone. But it lets its user see the ServerHello, which has the
// server's random, the cipher suite and the SRTP profile, and writes the client's random and the master
// secret to a key log. That is all from which both ends compute the keys (RFC 5764 section 4.2, RFC 5705
// section 4). The secret itself is not kept.
package keying
