package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"seccam/broker"
	"seccam/pkg/credential"
	"seccam/pkg/mqttclient"
	"seccam/pkg/signaling"
	"seccam/portal/account"
	"seccam/portal/bridge"
	"seccam/portal/device"
	"seccam/portal/presence"
	"seccam/portal/revocation"
	"seccam/portal/store"
	"seccam/portal/turn"
	"seccam/portal/web"
)

// Limits of the HTTP server and of its end.
const (
	readHeaderTimeout = 10 * time.Second
	readTimeout       = 30 * time.Second
	idleTimeout       = 2 * time.Minute
	maxHeaderBytes    = 16 << 10
	shutdownTimeout   = 5 * time.Second
	pruneInterval     = time.Minute
)

type serveCommand struct{}

// Run serves until ctx ends.
func (serveCommand) Run(ctx context.Context, cli *commands) error {
	cfg, err := loadConfig(cli.Config, os.Environ())
	if err != nil {
		return err
	}
	p, err := newPortal(ctx, cfg, cfg.logger())
	if err != nil {
		return err
	}
	return p.run(ctx)
}

// portal is the wiring of one process. newPortal binds, run serves.
type portal struct {
	cfg      Config
	log      *slog.Logger
	store    *store.Store
	broker   *broker.Broker // nil if broker_url names another one
	mqtt     *mqttclient.Client
	tracker  *presence.Tracker
	hub      *bridge.Hub
	watcher  *revocation.Watcher
	handler  http.Handler
	listener net.Listener
	keys     credential.Keys
	instance string
}

// newPortal opens the database and binds every listener; nothing is served yet.
func newPortal(ctx context.Context, cfg Config, log *slog.Logger) (_ *portal, err error) {
	p := &portal{cfg: cfg, log: log, instance: credential.NewCode()}
	master, keys, err := loadKeys(cfg.StateDir)
	if err != nil {
		return nil, err
	}
	p.keys = keys
	if p.store, err = store.Open(ctx, cfg.Database, nil); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.store.Close())
		}
	}()
	if cfg.BrokerURL == "" {
		if p.broker, err = broker.New(cfg.Broker, keys, device.Revocations{Store: p.store}, log.With("in", "broker")); err != nil {
			return nil, err
		}
	}
	if err := p.wire(ctx, master); err != nil {
		return nil, err
	}
	p.listener, err = net.Listen("tcp", cfg.Listen)
	if err != nil {
		return nil, fmt.Errorf("listen: %w; is another program using the port? set listen (SECCAM_LISTEN)", err)
	}
	return p, nil
}

// loadKeys reads the two secrets of a portal, creating them at first start.
func loadKeys(stateDir string) (master credential.Secret, keys credential.Keys, err error) {
	if master, err = credential.LoadOrCreateSecret(filepath.Join(stateDir, "master.key")); err != nil {
		return master, keys, err
	}
	signing, err := credential.LoadOrCreateSecret(filepath.Join(stateDir, "mqtt.key"))
	if err != nil {
		return master, keys, err
	}
	return master, credential.NewKeys("1", signing), nil
}

// wire connects the parts: who calls whom is all here.
func (p *portal) wire(ctx context.Context, master credential.Secret) (err error) {
	if p.watcher, err = revocation.New(ctx, p.store, p.act, p.log); err != nil {
		return err
	}
	p.tracker = presence.New(p.store, func(camera string) { p.hub.PresenceChanged(camera) }, nil, p.log)
	if err := p.rememberLastSeen(ctx); err != nil {
		return err
	}
	accounts, err := account.New(p.store, p.tracker, p.watcher, nil, p.log)
	if err != nil {
		return err
	}
	ice, err := turn.NewStatic(p.cfg.ICEServers, credential.ReadPrivateFile, time.Now)
	if err != nil {
		return err
	}
	if p.mqtt, err = mqttclient.New(p.mqttConfig()); err != nil {
		return err
	}
	p.hub = bridge.New(bridge.Config{
		Instance: p.instance, Master: master, Accounts: accounts, Presence: p.tracker, ICE: ice,
		Publisher: p.mqtt, Now: time.Now, Log: p.log,
	})
	p.handler, err = web.New(
		web.Config{PublicURL: p.cfg.PublicURL, TrustedProxies: p.cfg.TrustedProxies},
		web.Deps{
			Accounts: accounts, Logins: p.store.Logins(), Presence: p.tracker, Signals: signals{p.hub},
			Devices: devices{&device.Service{
				Store: p.store, Master: master, Keys: p.keys, MQTTURL: p.mqttURL, Now: time.Now, Log: p.log,
			}},
			Revoker: p.watcher, Ready: p.ready, Now: time.Now, Log: p.log,
		})
	return err
}

func (p *portal) rememberLastSeen(ctx context.Context) error {
	cameras, err := p.store.AllCameras(ctx)
	if err != nil {
		return err
	}
	for _, camera := range cameras {
		if camera.LastSeenAt != nil {
			p.tracker.Remember(camera.ID, *camera.LastSeenAt)
		}
	}
	return nil
}

// mqttConfig connects the portal to the broker as itself: one subscription for all viewers' answers
// and one for every camera's status.
func (p *portal) mqttConfig() mqttclient.Config {
	cfg := mqttclient.Config{
		Credentials: p.mqttCredential,
		Subscriptions: []mqttclient.Subscription{
			{Filter: signaling.ToViewerFilter(p.instance), QoS: 0},
			{Filter: signaling.AllStatusFilter(), QoS: 1},
		},
		OnUp:      func(context.Context) { p.log.Info("signalling is up", "instance", p.instance) },
		OnMessage: p.onMessage,
		Log:       p.log.With("in", "mqtt"),
	}
	if p.broker != nil {
		cfg.Dial = p.broker.Dial
	}
	return cfg
}

// portalTokenTTL is how long the portal's own token lives; it is replaced earlier.
const portalTokenTTL = 24 * time.Hour

func (p *portal) mqttCredential(context.Context) (mqttclient.Credential, error) {
	who := credential.Identity{Role: credential.RolePortal, ID: p.instance}
	token, _, err := p.keys.Issue(who, credential.PortalRules(p.instance), 0, time.Now(), portalTokenTTL)
	if err != nil {
		return mqttclient.Credential{}, err
	}
	address := p.cfg.BrokerURL
	if address == "" {
		address = "mqtt://in-process" // Dial makes the connection
	}
	return mqttclient.Credential{
		URL: address, Username: who.Subject(), Password: token, ClientID: who.Subject(),
		RenewAfter: portalTokenTTL * 8 / 10,
	}, nil
}

// onMessage routes what the broker delivers. Neither branch blocks.
func (p *portal) onMessage(m mqttclient.Message) {
	topic, err := signaling.ParseTopic(m.Topic)
	if err != nil {
		p.log.Warn("message dropped", "error", err)
		return
	}
	switch topic.Kind {
	case signaling.KindStatus:
		p.tracker.Handle(topic.Camera, m.Payload)
	case signaling.KindToViewer:
		p.hub.Deliver(topic, m.Payload)
	}
}

// act makes one revocation take effect in this process.
func (p *portal) act(subject string) {
	if camera, released := strings.CutPrefix(subject, account.ReleasePrefix); released {
		p.hub.CutCamera(camera)
		p.tracker.Forget(camera)
		return
	}
	p.hub.EndLogin(subject)
	if p.broker != nil {
		p.broker.Disconnect(subject)
	}
}

// mqttURL is where cameras find the broker: as configured, or the embedded one's address. A host
// that is not specified means the host of the portal's URL.
func (p *portal) mqttURL() string {
	if p.cfg.MQTTURL != "" {
		return p.cfg.MQTTURL
	}
	address, scheme := p.broker.TCPAddr(), "mqtt"
	if tls := p.broker.TLSAddr(); tls != nil {
		address, scheme = tls, "mqtts"
	}
	if address == nil {
		return ""
	}
	host, port, _ := net.SplitHostPort(address.String())
	if ip := net.ParseIP(host); ip == nil || ip.IsUnspecified() {
		host = ""
	}
	return scheme + "://" + net.JoinHostPort(host, port)
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

// run serves until ctx ends, then ends everything in reverse order.
func (p *portal) run(ctx context.Context) error {
	// The broker outlives the rest, so that last messages still reach it.
	brokerCtx, stopBroker := context.WithCancel(context.WithoutCancel(ctx))
	defer stopBroker()
	var brokers errgroup.Group
	if p.broker != nil {
		brokers.Go(func() error { return p.broker.Run(brokerCtx) })
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return p.mqtt.Run(ctx) })
	group.Go(func() error { return p.tracker.Run(ctx) })
	group.Go(func() error { return p.watcher.Run(ctx) })
	group.Go(func() error { return p.prune(ctx) })
	group.Go(func() error { return p.serveHTTP(ctx) })
	p.announce()
	err := group.Wait()
	stopBroker()
	return errors.Join(err, brokers.Wait(), p.store.Close())
}

func (p *portal) announce() {
	attrs := []any{"listen", p.listener.Addr().String(), "public_url", p.cfg.PublicURL, "mqtt_url", p.mqttURL(), "version", release}
	p.log.Info("portal ready", attrs...)
}

// serveHTTP serves until ctx ends, then lets requests finish and closes the WebSockets.
func (p *portal) serveHTTP(ctx context.Context) error {
	server := &http.Server{
		Handler: p.handler, ReadHeaderTimeout: readHeaderTimeout, ReadTimeout: readTimeout,
		IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeaderBytes,
		ErrorLog: slog.NewLogLogger(p.log.Handler(), slog.LevelWarn),
	}
	done := make(chan error, 1)
	go func() {
		if p.cfg.CertFile != "" {
			done <- server.ServeTLS(p.listener, p.cfg.CertFile, p.cfg.KeyFile)
			return
		}
		done <- server.Serve(p.listener)
	}()
	select {
	case err := <-done:
		return fmt.Errorf("http: %w", err)
	case <-ctx.Done():
	}
	p.hub.Close()
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
	defer cancel()
	if err := server.Shutdown(last); err != nil {
		_ = server.Close()
	}
	<-done
	return nil
}

// prune removes what has expired, now and then.
func (p *portal) prune(ctx context.Context) error {
	ticker := time.NewTicker(pruneInterval)
	defer ticker.Stop()
	for {
		if err := p.store.Prune(ctx); err != nil && ctx.Err() == nil {
			p.log.Error("prune", "error", err)
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return nil
		}
	}
}
