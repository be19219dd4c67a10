package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"time"

	"seccam/camerad/doctor"
	"seccam/camerad/media"
	"seccam/camerad/network"
	"seccam/camerad/pairing"
	"seccam/pkg/credential"
	"seccam/pkg/mqttclient"
	"seccam/pkg/signaling"
)

// Names of the checks that are not package doctor's.
const (
	checkConfig = "config"
	checkKey    = "key"
	checkMQTT   = "mqtt"
)

// Limits of these checks.
const (
	keyTimeout    = 5 * time.Second
	mqttTimeout   = 6 * time.Second
	awaitPictures = 5 * time.Second
)

// device is the device as the configuration has it.
func (c *Config) device() *doctor.Device {
	private := []string{c.DeviceKeyFile, c.RTSPLoginFile, filepath.Join(c.StateDir, credential.CertificateFile)}
	for _, name := range pairing.Files() {
		private = append(private, filepath.Join(c.StateDir, name))
	}
	d := &doctor.Device{StateDir: c.StateDir, Addresses: network.Addresses, StatFS: doctor.StatFS, Root: "/"}
	for _, path := range private {
		if path != "" {
			d.Private = append(d.Private, path)
		}
	}
	return d
}

// way is the checks of the way from this camera to its portal and its relays. What the portal gave is kept
// for the checks after it.
type way struct {
	portal *portalClient
	given  credential.TokenResponse
}

func (w *way) checks(connected func(context.Context, mqttclient.Credential) doctor.Finding) []doctor.Check {
	p := &doctor.Portal{URL: w.portal.portal, Trust: w.portal.trust, Now: time.Now, Resolve: net.DefaultResolver.LookupHost}
	return append(p.Checks(),
		doctor.Check{Name: checkKey, Needs: []string{doctor.CheckTLS}, Timeout: keyTimeout, Look: w.tryKey},
		doctor.Check{Name: checkMQTT, Needs: []string{checkKey}, Timeout: mqttTimeout, Look: func(ctx context.Context) doctor.Finding {
			credential, err := w.portal.credential(w.given)
			if err != nil {
				return doctor.Fail("Correct the portal's mqtt_url.", "%v", err)
			}
			return connected(ctx, credential)
		}},
		doctor.Relays(checkKey, w.portal.trust, func() []signaling.ICEServer { return w.given.ICEServers }))
}

func (w *way) tryKey(ctx context.Context) doctor.Finding {
	if w.portal.fingerprint == "" {
		return doctor.Skipped("because the camera has no certificate yet; it is made when camerad starts")
	}
	var err error
	if w.given, err = w.portal.prove(ctx, true); err != nil {
		return doctor.Fail("Compare camera_id with the portal's; if the key was revoked, put a new one there.", "%v", err)
	}
	return doctor.OK("the portal accepts the key of camera %s", w.portal.camera)
}

// selftest is the method "selftest": the checks of the running daemon.
func (c *camera) selftest(ctx context.Context, _ signaling.SelftestRequest) (signaling.SelftestReply, error) {
	w := way{portal: c.portal}
	checks := append(c.device.Checks(), w.checks(func(_ context.Context, credential mqttclient.Credential) doctor.Finding {
		return doctor.OK("connected to %s", strings.Join(credential.URLs, ", ")) // or nobody could have asked
	})...)
	checks = append(checks,
		doctor.Check{Name: doctor.CheckSource, Timeout: awaitPictures, Look: c.lookForPicture},
		doctor.Check{Name: doctor.CheckEncoder, Needs: []string{doctor.CheckSource}, Timeout: time.Second, Look: c.judgeEncoder})
	all, worst := doctor.Run(ctx, checks, func(signaling.Check) {})
	return signaling.SelftestReply{V: signaling.Version, At: c.portal.now().UnixMilli(), Result: worst, Checks: all}, nil
}

func (c *camera) lookForPicture(ctx context.Context) doctor.Finding {
	began := time.Now()
	err := c.engine.AwaitPicture(ctx)
	rate := c.engine.Stats().Rate
	switch {
	case errors.Is(err, media.ErrPrivate):
		return doctor.Skipped("because %v", err)
	case err != nil:
		return doctor.Fail("Check the camera's cable and the source key.", "%s: %v", c.engine.SourceName(), err)
	}
	return doctor.OK("%s: a frame came within %v, of %dx%d", c.engine.SourceName(), time.Since(began).Round(time.Millisecond), rate.Width, rate.Height)
}

// judgeEncoder takes the average since the start.
func (c *camera) judgeEncoder(context.Context) doctor.Finding {
	stats := c.engine.Stats()
	if stats.Frames == 0 || stats.Encoding == 0 {
		return doctor.Skipped("because nothing was encoded since the start")
	}
	return doctor.JudgeEncoder(stats.Encoding/time.Duration(stats.Frames), stats.Rate.FPS)
}

// connectOnce logs in to the broker as this camera. It ends a connection that the camera already has.
func connectOnce(ctx context.Context, w *way, credential mqttclient.Credential) doctor.Finding {
	up, down := make(chan struct{}, 1), make(chan error, 1)
	client, err := mqttclient.New(mqttclient.Config{
		Credentials: func(context.Context) (mqttclient.Credential, error) { return credential, nil },
		OnUp: func(context.Context) {
			select {
			case up <- struct{}{}:
			default:
			}
		},
		OnDown: func(err error) {
			select {
			case down <- err:
			default:
			}
		},
		TLS: w.portal.trust, Log: discardLog,
	})
	if err != nil {
		return doctor.Fail("Report this as a mistake of camerad's.", "%v", err)
	}
	life, end := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = client.Run(life) // what hinders it comes by OnDown
	}()
	defer func() { end(); <-ended }()
	const next = "Check that the firewall lets this port through, and the portal's mqtt_url."
	select {
	case <-up:
		return doctor.OK("logged in at %s", strings.Join(credential.URLs, ", "))
	case err := <-down:
		return doctor.Fail(next, "no connection to the broker at %s: %v", strings.Join(credential.URLs, ", "), err)
	case <-ctx.Done():
		return doctor.Fail(next, "no connection to the broker at %s: %v", strings.Join(credential.URLs, ", "), fmt.Errorf("no answer within %v", mqttTimeout))
	}
}
