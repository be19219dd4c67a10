package main

import (
	"context"
	"time"

	"seccam/pkg/credential"
	"seccam/pkg/mqttclient"
)

// evictionsWaiting bounds how many clients wait to be ended at a broker that is not ours.
const evictionsWaiting = 256

// evict has a client that was revoked leave the broker, soon.
func (p *portal) evict(subject string) {
	if p.broker != nil {
		p.broker.Disconnect(subject)
		return
	}
	who, err := credential.ParseSubject(subject)
	if err != nil {
		return // a login, which the broker does not know
	}
	select {
	case p.evictions <- who:
	default:
		p.log.Error("not ended at the broker: too many at once; its token ends by itself", "subject", subject)
	}
}

// runEvictions ends revoked clients at a broker that is not ours, until ctx ends. Each portal does so: a client that
// asks for a token again in between is refused by all of them.
func (p *portal) runEvictions(ctx context.Context) error {
	for {
		select {
		case who := <-p.evictions:
			p.takeOver(ctx, who)
		case <-ctx.Done():
			return nil
		}
	}
}

func (p *portal) takeOver(ctx context.Context, who credential.Identity) {
	token, _, err := p.keys.Issue(who, credential.NoRules(), 0, time.Now(), time.Minute)
	if err == nil {
		err = mqttclient.TakeOver(ctx, mqttclient.Credential{
			URLs: p.cfg.brokerURLs(), Username: p.keys.Username(who), Password: token, ClientID: who.Subject(),
		}, nil)
	}
	if err != nil && ctx.Err() == nil {
		p.log.Warn("not ended at every node of the broker", "subject", who.Subject(), "error", err)
	}
}
