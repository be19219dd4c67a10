package turn

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"seccam/pkg/signaling"
)

var viewer = Who{Session: "session", Account: "home", End: "viewer"}

// fakeProvider is a name and a function.
type fakeProvider struct {
	name    string
	servers func(who Who) ([]signaling.ICEServer, error)
}

func (f fakeProvider) Name() string                                   { return f.name }
func (f fakeProvider) Servers(who Who) ([]signaling.ICEServer, error) { return f.servers(who) }

// poolOf is a pool of services only.
func poolOf(log *lines, services ...service) *Pool {
	p := &Pool{}
	for _, s := range services {
		p.remotes = append(p.remotes, newRemote(s, log.logger()))
	}
	return p
}

// start runs p until the test ends, or the returned function is called, and waits for the first answers.
func start(t *testing.T, p *Pool) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx) }()
	p.Ready(ctx)
	return func() {
		cancel()
		require.NoError(t, <-done)
	}
}

func TestOrderOfProviders(t *testing.T) {
	relay := fakeProvider{"embedded", func(who Who) ([]signaling.ICEServer, error) {
		return []signaling.ICEServer{{URLs: []string{"turn:relay"}, Username: who.String() + who.Account, Credential: "c"}}, nil
	}}
	p, err := New(Config{
		Servers: []Server{{URLs: []string{"stun:static", "turn:RELAY:3478?transport=udp"}, SecretFile: "token"}},
		Services: []Service{
			{Kind: kindMetered, App: "app", KeyFile: "key"},
			{Kind: kindCloudflare, KeyID: "id", TokenFile: "token"},
			{Kind: kindMetered, App: "another", KeyFile: "key"},
		},
	}, read(secretFiles), discard, relay)
	require.NoError(t, err)
	list := p.For(viewer)
	require.Len(t, list, 2)
	require.Equal(t, signaling.ICEServer{URLs: []string{"turn:relay"}, Username: "session.viewerhome", Credential: "c"}, list[0])
	require.Equal(t, []string{"stun:static"}, list[1].URLs, "the relay, written otherwise, is there already")
	require.Regexp(t, `^[0-9]+:session\.viewer$`, list[1].Username)
	var names []string
	for _, status := range p.Status() {
		names = append(names, status.Name)
		require.Equal(t, status.Name == "embedded" || status.Name == "static", status.OK, "services were not asked yet")
	}
	require.Equal(t, []string{"embedded", "static", "metered", "cloudflare", "metered-2"}, names)
	text, err := json.Marshal(p.Status()[2])
	require.NoError(t, err)
	require.NotContains(t, string(text), "expires")
}

func TestNoProvider(t *testing.T) {
	p, err := New(Config{}, read(nil), discard)
	require.NoError(t, err)
	require.Equal(t, []signaling.ICEServer{}, p.For(viewer), "an empty list, not null")
	require.Empty(t, p.Status())
	require.NoError(t, p.Run(t.Context()), "there is nothing to run")
	p.Ready(t.Context())
}

func TestEveryMissingFileAtOnce(t *testing.T) {
	_, err := New(Config{
		Servers:  []Server{{URLs: []string{"turn:h"}, SecretFile: "none"}},
		Services: []Service{{Kind: kindMetered, App: "app", KeyFile: "none"}, {Kind: kindCloudflare, KeyID: "id", TokenFile: "none"}},
	}, read(nil), discard)
	for _, want := range []string{"ice_servers[0]: ", "ice_providers[0]: ", "ice_providers[1]: "} {
		require.ErrorContains(t, err, want)
	}
}

func TestTheFirstEightURLs(t *testing.T) {
	many := fakeProvider{"many", func(Who) ([]signaling.ICEServer, error) {
		var list []signaling.ICEServer
		for i := range 3 {
			server := signaling.ICEServer{Username: fmt.Sprint(i), Credential: "c"}
			for j := range 3 {
				server.URLs = append(server.URLs, fmt.Sprintf("turn:h%d:%d", i, j+1))
			}
			list = append(list, server, server)
		}
		return list, nil
	}}
	p, err := New(Config{}, read(nil), discard, many)
	require.NoError(t, err)
	require.Equal(t, []signaling.ICEServer{
		{URLs: []string{"turn:h0:1", "turn:h0:2", "turn:h0:3"}, Username: "0", Credential: "c"},
		{URLs: []string{"turn:h1:1", "turn:h1:2", "turn:h1:3"}, Username: "1", Credential: "c"},
		{URLs: []string{"turn:h2:1", "turn:h2:2"}, Username: "2", Credential: "c"},
	}, p.For(viewer))
}

// TestALocalProviderThatFails is left out while it does, and each change is logged once.
func TestALocalProviderThatFails(t *testing.T) {
	var log lines
	good := signaling.ICEServer{URLs: []string{"turn:relay"}, Username: "u", Credential: "c"}
	servers, failure := []signaling.ICEServer{good}, error(nil)
	relay := fakeProvider{"embedded", func(Who) ([]signaling.ICEServer, error) { return servers, failure }}
	cfg := Config{Servers: []Server{{URLs: []string{"stun:static"}}}}
	p, err := New(cfg, read(nil), log.logger(), relay)
	require.NoError(t, err)
	static := signaling.ICEServer{URLs: []string{"stun:static"}}
	require.Equal(t, []signaling.ICEServer{good, static}, p.For(viewer))
	require.Empty(t, log.take())

	servers, failure = nil, errors.New("no public address")
	for range 3 {
		require.Equal(t, []signaling.ICEServer{static}, p.For(viewer))
	}
	require.Equal(t, "level=WARN msg=\"ICE provider fails\" provider=embedded error=\"no public address\"\n", log.take())
	require.Equal(t, "no public address", p.Status()[0].Error)

	servers, failure = []signaling.ICEServer{{URLs: []string{"turn:relay"}}, good}, nil
	require.Equal(t, []signaling.ICEServer{good, static}, p.For(viewer), "what is right in it")
	require.Contains(t, p.Status()[0].Error, "turn without username")
	require.Empty(t, log.take(), "it still fails")

	servers = []signaling.ICEServer{good}
	p.For(viewer)
	require.Equal(t, "level=INFO msg=\"ICE provider answers\" provider=embedded\n", log.take())
	require.True(t, p.Status()[0].OK)
}

// TestRefresh renews an answer when 40 to 50 % of its life are over, so that there always is one.
func TestRefresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log lines
		api := &script{answer: cloudflareAPI}
		p := poolOf(&log, inMemory(t, api)[kindCloudflare])
		require.Empty(t, p.For(viewer))
		began := time.Now()
		stop := start(t, p)
		defer stop()
		for range 100 * defaultTTL / time.Hour {
			require.Len(t, p.For(viewer), 2)
			time.Sleep(time.Hour)
			synctest.Wait()
		}
		calls := api.asked()
		require.Equal(t, began, calls[0])
		for i := range len(calls) - 1 {
			require.InDelta(t, 0.45*float64(defaultTTL), calls[i+1].Sub(calls[i]), 0.05*float64(defaultTTL))
		}
		status := p.Status()[0]
		require.Equal(t, calls[len(calls)-1].Add(defaultTTL), status.Expires)
		require.Equal(t, began, status.Since)
		require.Equal(t, "level=INFO msg=\"ICE provider answers\" provider=cloudflare\n", log.take())
	})
}

// TestAServiceThatFails keeps its answer in use until shortly before it expires.
func TestAServiceThatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log lines
		api := &script{answer: cloudflareAPI}
		p := poolOf(&log, inMemory(t, api)[kindCloudflare])
		stop := start(t, p)
		defer stop()
		expires := p.Status()[0].Expires
		log.take()
		api.asked()

		api.will(fails(http.StatusBadGateway, ""))
		time.Sleep(time.Until(expires) - spare)
		require.Len(t, p.For(viewer), 2, "until five minutes before it ends")
		status := p.Status()[0]
		require.Equal(t, []any{"cloudflare", false, "failed with 502 Bad Gateway", expires},
			[]any{status.Name, status.OK, status.Error, status.Expires})
		time.Sleep(time.Nanosecond)
		require.Empty(t, p.For(viewer))
		text := log.take()
		require.Equal(t, 1, strings.Count(text, "\n"), "logged once: %s", text)
		require.Contains(t, text, "answer_in_use_until=")

		calls := api.asked()
		require.Less(t, len(calls), 80, "in four hours")
		for i := range len(calls) - 1 {
			require.LessOrEqual(t, calls[i+1].Sub(calls[i]), 3*retryMax/2)
		}
		api.will(cloudflareAPI)
		time.Sleep(3 * retryMax / 2)
		synctest.Wait()
		require.Len(t, p.For(viewer), 2)
		require.Equal(t, "level=INFO msg=\"ICE provider answers\" provider=cloudflare\n", log.take())
		require.True(t, p.Status()[0].OK)
	})
}

// TestRetryAfterIsHonoured waits as long as the service says, neither shorter nor longer.
func TestRetryAfterIsHonoured(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := &script{answer: fails(http.StatusTooManyRequests, "900")}
		p := poolOf(&lines{}, inMemory(t, api)[kindMetered])
		stop := start(t, p)
		defer stop()
		require.Contains(t, p.Status()[0].Error, "429")
		api.will(meteredAPI)
		began := api.asked()[0]
		time.Sleep(15 * time.Minute)
		synctest.Wait()
		require.Equal(t, []time.Time{began.Add(15 * time.Minute)}, api.asked())
		require.Len(t, p.For(viewer), 2)
	})
}

// TestAHangingServiceHoldsNobodyUp has one service that never answers beside one that does.
func TestAHangingServiceHoldsNobodyUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log lines
		p := poolOf(&log, inMemory(t, &script{answer: hangs("")})[kindMetered], inMemory(t, &script{answer: cloudflareAPI})[kindCloudflare])
		began := time.Now()
		require.Empty(t, p.For(viewer))
		require.Equal(t, began, time.Now(), "before Run, too")
		stop := start(t, p)
		require.Equal(t, askTimeout, time.Since(began), "Ready waits for the first attempt of each")
		require.Len(t, p.For(viewer), 2)
		require.Contains(t, log.take(), "no answer within 10s")
		stop()
	})
}

// TestStoppingIsNoFailure ends Run amid a request.
func TestStoppingIsNoFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log lines
		p := poolOf(&log, inMemory(t, &script{answer: hangs("")})[kindMetered])
		ctx, cancel := context.WithTimeout(t.Context(), askTimeout/2)
		defer cancel()
		require.NoError(t, p.Run(ctx))
		require.Empty(t, log.take())
		require.Equal(t, notAsked, p.Status()[0].Error)
	})
}

// TestReadyEndsWithItsContext does not wait for a pool that does not run.
func TestReadyEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	poolOf(&lines{}, service{name: "x"}).Ready(ctx)
}

// TestKeysStayOutOfLogsAndReports has a service fail in ways that quote the request.
func TestKeysStayOutOfLogsAndReports(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log lines
		api := &script{answer: func(w http.ResponseWriter, r *http.Request) {
			http.Error(w, r.URL.String()+r.Header.Get("Authorization"), http.StatusTeapot)
		}}
		services := inMemory(t, api)
		p := poolOf(&log, services[kindMetered], services[kindCloudflare])
		stop := start(t, p)
		report, err := json.Marshal(p.Status())
		require.NoError(t, err)
		require.Contains(t, string(report), "418")
		noKey(t, string(report)+log.take()+fmt.Sprintf("%+v %#v", p.remotes[0].service, p.remotes[1].service))
		stop()
	})
}
