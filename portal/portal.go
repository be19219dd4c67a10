package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"seccam/broker"
	"seccam/pkg/certificate"
	"seccam/pkg/credential"
	"seccam/pkg/metrics"
	"seccam/pkg/mqttclient"
	"seccam/pkg/tracing"
	"seccam/portal/account"
	"seccam/portal/alert"
	"seccam/portal/breach"
	"seccam/portal/bridge"
	"seccam/portal/configure"
	"seccam/portal/device"
	"seccam/portal/factor"
	"seccam/portal/fleet"
	"seccam/portal/mail"
	"seccam/portal/place"
	"seccam/portal/presence"
	"seccam/portal/relay"
	"seccam/portal/remote"
	"seccam/portal/revocation"
	"seccam/portal/signon"
	"seccam/portal/store"
	"seccam/portal/turn"
	"seccam/portal/vitals"
	"seccam/portal/web"
	"seccam/portal/whep"
)

// portal is the wiring of one process. newPortal binds, run serves.
type portal struct {
	cfg      Config
	log      *slog.Logger
	store    *store.Store
	broker   *broker.Broker // nil if broker_url names another one
	mqtt     *mqttclient.Client
	tracker  *presence.Tracker
	asking   *asking
	vitals   *vitals.Recorder
	requests *web.Figures
	watched  *prometheus.CounterVec // views that began and ended
	hub      *bridge.Hub
	watcher  *revocation.Watcher
	handler  http.Handler
	lock     *os.File      // says that the state is in use
	listener net.Listener  // of the pages
	relay    *relay.Server // nil if turn is off
	ice      *turn.Pool
	alerts   *alert.Service
	metrics  *metrics.Server // nil if there are to be none
	tracer   *tracing.Tracer // nil if it is off
	keys     credential.Keys
	places   *place.Book
	mails    *mail.Outbox
	breached *breach.List
	signOn   *signon.Provider // nil if people log in here only
	instance string
	returned chan string // cameras that are connected again
	views    chan account.View
	// evictions are clients that are to leave a broker which is not ours.
	evictions chan credential.Identity
	accounts  *account.Service
	configs   *configure.Service
}

// newPortal opens the database and binds every listener; nothing is served yet.
func newPortal(ctx context.Context, cfg Config, log *slog.Logger) (_ *portal, err error) {
	p := &portal{cfg: cfg, log: log, instance: credential.NewCode(), returned: make(chan string, returnsWaiting), views: make(chan account.View, viewsWaiting),
		evictions: make(chan credential.Identity, evictionsWaiting)}
	if err := cfg.state().Finish(ctx); err != nil {
		return nil, err
	}
	if p.lock, err = cfg.state().Lock(); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.lock.Close())
		}
	}()
	master, keys, err := loadKeys(cfg.StateDir)
	if err != nil {
		return nil, err
	}
	p.keys = keys.ForHost(cfg.BrokerJIDHost)
	p.requests, p.watched = web.NewFigures(), newWatched()
	p.tracer = tracing.New(cfg.Traces, tracing.Options{Version: release, Instance: p.instance, Log: log.With("in", "traces")})
	if p.store, err = store.Open(ctx, cfg.Database, nil); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			if p.relay != nil {
				p.relay.Close()
			}
			err = errors.Join(err, p.store.Close())
		}
	}()
	pages, shown, err := newTLS(&cfg)
	if err != nil {
		return nil, err
	}
	if cfg.BrokerURL == "" {
		brokerCfg := cfg.brokerConfig(shown)
		brokerCfg.Tracer = p.tracer
		if p.broker, err = broker.New(brokerCfg, keys, device.Revocations{Store: p.store}, log.With("in", "broker")); err != nil {
			return nil, err
		}
	}
	if err := p.wire(ctx, master, shown); err != nil {
		return nil, err
	}
	if p.metrics, err = metrics.Listen(cfg.Metrics); err != nil {
		return nil, err
	}
	p.listener, err = net.Listen("tcp", cfg.Listen)
	if err != nil {
		_ = p.metrics.Close()
		return nil, fmt.Errorf("listen: %w; is another program using the port? set listen (SECCAM_LISTEN)", err)
	}
	if pages != nil {
		p.listener = tls.NewListener(p.listener, pages)
	}
	return p, nil
}

// loadKeys reads the two secrets of a portal, creating them at first start. While there is an
// mqtt-previous.key, tokens that it signed count, too: so the signing key can be replaced.
func loadKeys(stateDir string) (master credential.Secret, keys credential.Keys, err error) {
	if master, err = credential.LoadOrCreateSecret(filepath.Join(stateDir, "master.key")); err != nil {
		return master, keys, err
	}
	signing, err := credential.LoadOrCreateSecret(filepath.Join(stateDir, "mqtt.key"))
	if err != nil {
		return master, keys, err
	}
	keys = credential.NewKeys(keyID(signing), signing)
	previous, err := credential.LoadSecret(filepath.Join(stateDir, "mqtt-previous.key"))
	if errors.Is(err, os.ErrNotExist) {
		return master, keys, nil
	}
	return master, keys.With(keyID(previous), previous), err
}

// keyID names a signing key in the tokens' headers, without telling anything about it.
func keyID(key credential.Secret) string { return key.Derive("seccam key id v1").Hex()[:8] }

// wire connects the parts: who calls whom is all here.
func (p *portal) wire(ctx context.Context, master credential.Secret, shown certificate.Source) (err error) {
	if p.watcher, err = revocation.New(ctx, p.store, p.act, p.log); err != nil {
		return err
	}
	p.vitals = vitals.New(p.store, nil, p.log)
	p.tracker = presence.New(p.store, p.presenceChanged, nil, p.log)
	p.asking = newAsking(p.tracker)
	if err := p.rememberLastSeen(ctx); err != nil {
		return err
	}
	if p.breached, err = breach.Open(p.cfg.BreachedFile); err != nil {
		return err
	}
	if p.mails, err = mail.New(p.cfg.mailConfig(), p.log); err != nil {
		return err
	}
	p.alerts = alert.New(alert.Config{Store: p.store, Master: master, Allow: p.cfg.webhookNetworks(), Now: time.Now, Log: p.log.With("in", "alerts")})
	p.accounts, err = account.New(p.store, p.tracker, p.watcher, nil, p.log,
		account.WithMail(p.mails, p.cfg.PublicURL), account.WithBreached(p.breached), account.WithAlarm(p.alerts.ClaimRefused))
	if err != nil {
		return err
	}
	if p.signOn, err = signon.New(p.cfg.OIDC, p.cfg.PublicURL, nil, p.log); err != nil {
		return err
	}
	if p.places, err = place.Open(p.cfg.GeoIPFile); err != nil {
		return err
	}
	if err := p.wireICE(master, shown); err != nil {
		return err
	}
	if p.mqtt, err = mqttclient.New(p.mqttConfig()); err != nil {
		return err
	}
	p.configs = configure.New(p.store, p.mqtt, time.Now, p.log.With("in", "configure"))
	p.hub = bridge.New(bridge.Config{
		Instance: p.instance, Master: master, Accounts: p.accounts, Presence: p.shown(), ICE: p.ice,
		Policy: p.cfg.ICEPolicy, Ended: p.sessionEnded, Watched: p.viewed,
		Publisher: p.mqtt, Traces: p.traces(), Now: time.Now, Log: p.log,
	})
	return p.wireWeb(master)
}

// wireWeb connects the pages and the API with what they call.
func (p *portal) wireWeb(master credential.Secret) error {
	public, err := url.Parse(p.cfg.PublicURL)
	if err != nil {
		return err
	}
	factors, err := factor.New(p.store, master, public, nil, p.log)
	if err != nil {
		return err
	}
	factors.OnChange(p.accounts.FactorChanged)
	p.handler, err = web.New(
		web.Config{PublicURL: p.cfg.PublicURL, TrustedProxies: p.cfg.TrustedProxies},
		web.Deps{
			Accounts: p.accounts, Factors: factors, Logins: p.store.Logins(), Presence: p.shown(), Signals: signals{p.hub},
			Watching: whep.New(p.hub, p.shown(), p.log),
			Cameras:  &remote.Cameras{Requests: p.mqtt, Client: p.identity().Subject(), Now: time.Now},
			Devices: devices{&device.Service{
				Store: p.store, Master: master, Keys: p.keys, MQTTURLs: p.mqttURLs, TokenTTL: p.tokenTTL(), ICE: p.iceForSelftest,
				ReconnectWithin: p.reconnectWithin,
				Now:             time.Now, Log: p.log,
			}},
			Throttles: p.store, Places: p.places, SignOn: p.signOn, Alerts: p.alerts, Configs: p.configs, Fleet: fleet.New(p.store, master), Figures: p.requests, Ready: p.ready, Now: time.Now, Log: p.log,
		})
	return err
}

// traces is what is told of views' stages, if anything is.
func (p *portal) traces() bridge.Traces {
	if p.tracer == nil {
		return nil
	}
	return p.tracer
}

func (p *portal) rememberLastSeen(ctx context.Context) error {
	seen, err := p.store.CamerasSeen(ctx)
	if err != nil {
		return err
	}
	for camera, at := range seen {
		p.tracker.Remember(camera, at)
	}
	return nil
}

func (p *portal) ready(ctx context.Context) error {
	if err := p.store.Ping(ctx); err != nil {
		return fmt.Errorf("database: %w", err)
	}
	if !p.mqtt.Connected() {
		return errors.New("not connected to the MQTT broker yet")
	}
	return nil
}
