// Package tracing tells an OpenTelemetry collector how long each stage of a view took. It is off unless a collector's
// address is configured, and then costs a view a few spans in a bounded queue: nothing waits for the collector.
//
// One view is one trace, whichever programs take part in it. Its id, and that of its first span, are derived from the
// session's id, which browser, portal, broker and camera know anyway: so no message carries a trace's id, nobody has to
// be believed about it, and a log's line with a session leads to the trace.
//
//	view                          browser   from the click to the first frame
//	├─ prepare, answer, connect,
//	│  picture                    browser   as the page has measured them
//	├─ offer                      portal    received, allowed, published
//	├─ to-camera, to-viewer       broker    from the publication to the socket: the first of each
//	├─ offer                      camera    received, answered
//	├─ ice, dtls, first-packet    camera
//	└─ answer                     portal    from the offer's publication to the page's socket
package tracing
