// Package congestion judges what the path to one viewer can carry, from what was sent and what the
// viewer's transport-wide feedback says arrived
// (draft-holmer-rmcat-transport-wide-cc-extensions-01). It is a sender-side controller in the spirit
// of Google congestion control (draft-ietf-rmcat-gcc-02, "the draft" below), made for pictures that
// leave in one burst each, and for many viewers: a plain struct of some 10 KiB each, without
// goroutines, and without allocation per packet or report.
//
//	Sent ──────▶ history ─┐
//	                      ├─▶ path: backlog, queueing delay, trend, burst dispersion ─┐
//	Feedback ──▶ statuses ┤                                                           ├─▶ controller ──▶ Estimate
//	                      ├─▶ acknowledged bitrate, loss, round trip ─────────────────┘
//	                      └─▶ train (a probe under way)
//
// Delay is judged by the first packet of each burst: it sees what the bursts before it have left in
// the queue. From that is taken what they may leave on a path that is just fast enough (type
// backlog), so that a key frame, which queues for several pictures' time on a path that carries the
// stream with ease, is no sign of congestion, while a standing queue is one within a few pictures.
//
// A stream that is smaller than the path never shows what the path carries. Two things tell more: the
// spacing in which a burst arrives ([Estimate].Capacity), and a [Probe], a short train of padding.
//
// Times inside the package are durations since the first call; arrival times are durations on the
// receiver's clock, whose offset is unknown, so that only differences count.
package congestion
