package main

import (
	"context"

	"seccam/portal/account"
)

// viewsWaiting bounds the views that are not in the audit log yet.
const viewsWaiting = 4096

// viewed must not block.
func (p *portal) viewed(v account.View) {
	what := "began"
	if v.Ended {
		what = "ended"
	}
	p.watched.WithLabelValues(what).Inc()
	p.log.Info("view "+what, "session", v.Session, "camera", v.Camera)
	select {
	case p.views <- v:
	default:
		p.log.Error("a view is not in the audit log: the database is too slow", "camera", v.Camera, "session", v.Session, "by", v.Actor.Name)
	}
}

// recordViews writes views to the audit log until ctx ends, and then those that are left. While it writes, others come,
// and are written together.
func (p *portal) recordViews(ctx context.Context) error {
	last := context.WithoutCancel(ctx)
	for {
		select {
		case v := <-p.views:
			p.accounts.RecordViews(last, append([]account.View{v}, p.waitingViews()...)...)
		case <-ctx.Done():
			if left := p.waitingViews(); len(left) > 0 {
				p.accounts.RecordViews(last, left...)
			}
			return nil
		}
	}
}

// waitingViews takes the views that wait now.
func (p *portal) waitingViews() (views []account.View) {
	for len(views) < viewsWaiting {
		select {
		case v := <-p.views:
			views = append(views, v)
		default:
			return views
		}
	}
	return views
}
