package main

import (
	"context"

	"seccam/portal/account"
)

// viewsWaiting bounds the views that are not in the audit log yet.
const viewsWaiting = 4096

// viewed must not block.
func (p *portal) viewed(v account.View) {
	select {
	case p.views <- v:
	default:
		p.log.Error("a view is not in the audit log: the database is too slow", "camera", v.Camera, "session", v.Session, "by", v.Actor.Name)
	}
}

// recordViews writes views to the audit log until ctx ends, and then those that are left.
func (p *portal) recordViews(ctx context.Context) error {
	for {
		select {
		case v := <-p.views:
			p.accounts.RecordView(ctx, v)
		case <-ctx.Done():
			for len(p.views) > 0 {
				p.accounts.RecordView(context.WithoutCancel(ctx), <-p.views)
			}
			return nil
		}
	}
}
