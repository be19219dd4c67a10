package relay

import (
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
)

// refusal is why an allocation, a peer or a packet to one was refused.
type refusal int

const (
	granted refusal = iota
	refusedSession
	refusedAccount
	refusedServer
	refusedEnded
	refusedAddress
	refusedPort
	refusedPeer
	refusedTCP
	refusals
)

// reasons are the values of the label reason.
var reasons = [refusals]string{
	refusedSession: "session_quota",
	refusedAccount: "account_quota",
	refusedServer:  "server_quota",
	refusedEnded:   "session_ended",
	refusedAddress: "no_address",
	refusedPort:    "no_port",
	refusedPeer:    "peer",
	refusedTCP:     "tcp",
}

// direction of relayed data.
type direction int

const (
	toPeer direction = iota
	toClient
	directions
)

// towards are the values of the label direction.
var towards = [directions]string{toPeer: "to_peer", toClient: "to_client"}

// counters count since the server began.
type counters struct {
	allocated, unauthorized atomic.Int64
	refused                 [refusals]atomic.Int64
	bytes, dropped          [directions]atomic.Int64
}

var (
	descAllocations  = describe("allocations", "Relayed addresses now.")
	descConnections  = describe("connections", "TCP and TLS connections of clients now.")
	descAllocated    = describe("allocations_total", "Relayed addresses that were given.")
	descRefused      = describe("refused_total", "Allocations, peers, and packets to peers that were refused.", "reason")
	descUnauthorized = describe("auth_failures_total", "Requests with a wrong, expired or ended credential.")
	descBytes        = describe("bytes_total", "Relayed payload in bytes.", "direction")
	descDropped      = describe("dropped_packets_total", "Packets above an allocation's bytes per second, or too many for a slow client.", "direction")
)

func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("seccam_relay_"+name, help, labels, nil)
}

// Describe implements prometheus.Collector.
func (s *Server) Describe(out chan<- *prometheus.Desc) { prometheus.DescribeByCollect(s, out) }

// Collect implements prometheus.Collector.
func (s *Server) Collect(out chan<- prometheus.Metric) {
	send := func(desc *prometheus.Desc, kind prometheus.ValueType, value int64, labels ...string) {
		out <- prometheus.MustNewConstMetric(desc, kind, float64(value), labels...)
	}
	send(descAllocations, prometheus.GaugeValue, int64(s.table.len()))
	send(descConnections, prometheus.GaugeValue, int64(s.gate.len()))
	send(descAllocated, prometheus.CounterValue, s.counts.allocated.Load())
	send(descUnauthorized, prometheus.CounterValue, s.counts.unauthorized.Load())
	for reason := granted + 1; reason < refusals; reason++ {
		send(descRefused, prometheus.CounterValue, s.counts.refused[reason].Load(), reasons[reason])
	}
	for to := range directions {
		send(descBytes, prometheus.CounterValue, s.counts.bytes[to].Load(), towards[to])
		send(descDropped, prometheus.CounterValue, s.counts.dropped[to].Load(), towards[to])
	}
}
