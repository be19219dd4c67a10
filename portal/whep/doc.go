// Package whep lets programs watch by WHEP (draft-ietf-wish-whep, which borrows most of RFC 9725): a POST
// with an offer makes a view, later requests pass on candidates, restart ICE or end it. What is HTTP about
// it is package web's; here is the conversation with the camera.
//
//	POST  ─▶ Begin ─▶ bridge.Program.Offer ─▶ camera     and back: the answer, candidates, their end
//	PATCH ─▶ Patch ─▶ Program.Candidate, or an offer made of the last one with new ICE credentials
//	DELETE ▶ End   ─▶ Program.Leave
//
// The camera trickles, but a WHEP answer holds all candidates: it waits for the camera's end of candidates,
// for a bounded time. A view whose program vanished ends when the camera notices (RFC 7675): it says bye,
// and the view is gone here, too.
package whep
