package main

import "context"

// returnsWaiting bounds the cameras that came back and were not reminded yet.
const returnsWaiting = 4096

// presenceChanged must not block.
func (p *portal) presenceChanged(camera string) {
	p.hub.PresenceChanged(camera)
	if !p.tracker.Online(camera) {
		p.vitals.Offline(camera)
		return
	}
	select {
	case p.returned <- camera:
	default:
		p.log.Warn("a camera that came back was not told what was revoked meanwhile", "camera", camera)
	}
}

// remind tells cameras that come back which rights to watch ended, until ctx ends: while a camera is not
// connected to the broker, it sends on to its viewers, and hears nothing of it.
func (p *portal) remind(ctx context.Context) error {
	for {
		select {
		case camera := <-p.returned:
			revoked, err := p.store.EndedGrants(ctx, camera)
			if err != nil && ctx.Err() == nil {
				p.log.Error("read what was revoked", "camera", camera, "error", err)
			}
			for _, subject := range revoked {
				p.hub.EndGrant(ctx, camera, subject)
			}
		case <-ctx.Done():
			return nil
		}
	}
}
