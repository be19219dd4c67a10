package main

import (
	"context"
	"net/url"
	"time"

	"seccam/pkg/certificate"
	"seccam/pkg/credential"
	"seccam/pkg/signaling"
	"seccam/portal/relay"
	"seccam/portal/turn"
)

// relaySecretPurpose separates the relay's credentials from all else that the master key is for. Portals
// with the same master key take each other's.
const relaySecretPurpose = "seccam relay v1"

// wireICE binds the relay, if there is to be one, and gathers what gives out ICE servers.
func (p *portal) wireICE(master credential.Secret, shown certificate.Source) (err error) {
	var local []turn.Provider
	if p.cfg.TURN.Enabled() {
		cfg := p.cfg.relayConfig(shown)
		if cfg.Host == "" {
			public, _ := url.Parse(p.cfg.PublicURL) // validated
			cfg.Host = public.Hostname()
		}
		if p.relay, err = relay.New(cfg, master.Derive(relaySecretPurpose), time.Now, p.log.With("in", "relay")); err != nil {
			return err
		}
		local = append(local, embedded{p.relay})
	}
	p.ice, err = turn.New(p.cfg.iceConfig(), credential.ReadPrivateFile, p.log.With("in", "ice"), local...)
	return err
}

// embedded is the portal's own relay as a provider.
type embedded struct{ *relay.Server }

// Name implements turn.Provider.
func (embedded) Name() string { return "embedded" }

// Servers implements turn.Provider.
func (e embedded) Servers(who turn.Who) ([]signaling.ICEServer, error) {
	return e.Server.Servers(who.Session, who.Account, relay.End(who.End)), nil
}

// iceForSelftest returns servers for a camera that checks itself. What it allocates counts for itself, and
// not for its owner.
func (p *portal) iceForSelftest(camera string) []signaling.ICEServer {
	return p.ice.For(turn.Who{Session: "selftest-" + camera, Account: "camera-" + camera, End: turn.Camera})
}

// sessionEnded has the credentials of a session, or of a page, die with it.
func (p *portal) sessionEnded(who string) {
	if p.relay != nil {
		p.relay.End(who)
	}
}

// checkRelay says in the log why relays may not work, once they are served.
func (p *portal) checkRelay(ctx context.Context) error {
	for _, finding := range p.relay.Check(ctx) {
		p.log.Warn("relays may not work", "about", finding.About, "why", finding.Text)
	}
	return nil
}

// iceReadyTimeout is how long pages wait, at the start, for the first answers of services.
const iceReadyTimeout = 3 * time.Second

// awaitICE returns when each service was asked once, or has had its time.
func (p *portal) awaitICE(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, iceReadyTimeout)
	defer cancel()
	p.ice.Ready(ctx)
}
