package main

import (
	"log/slog"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

	"seccam/pkg/credential"
	"seccam/portal/presence"
)

// What ejabberd lets clients do, by its configuration, is what their tokens let them do.
func TestEjabberdAllowsWhatTokensAllow(t *testing.T) {
	data, err := os.ReadFile("../configs/ejabberd/ejabberd.yml")
	require.NoError(t, err)
	var file struct {
		Modules struct {
			MQTT struct {
				Publish   map[string]string `yaml:"access_publish"`
				Subscribe map[string]string `yaml:"access_subscribe"`
			} `yaml:"mod_mqtt"`
		}
	}
	require.NoError(t, yaml.Unmarshal(data, &file))
	want := map[credential.Action]map[string]string{credential.Publish: {}, credential.Subscribe: {}}
	add := func(who string, rules []credential.Rule) {
		for _, rule := range rules {
			if rule.Permission == "allow" {
				want[rule.Action][rule.Topic] = who
			}
		}
	}
	add("cameras", credential.CameraRules("%u"))
	portals := credential.PortalRules("+")
	for i := range portals {
		portals[i].Topic = strings.Replace(portals[i].Topic, "/replies/portal-+", "/replies/%u", 1)
	}
	add("portals", portals)
	require.Equal(t, want[credential.Publish], file.Modules.MQTT.Publish)
	require.Equal(t, want[credential.Subscribe], file.Modules.MQTT.Subscribe)
}

func TestCamerasSpreadByTheirNumber(t *testing.T) {
	p := &portal{cfg: DefaultConfig(), tracker: presence.New(nil, func(string) {}, nil, slog.New(slog.DiscardHandler))}
	require.Zero(t, p.reconnectWithin())
	for n := range 15_000 {
		p.tracker.Remember(strconv.Itoa(n), time.Now())
	}
	require.Equal(t, 30*time.Second, p.reconnectWithin())
}

// A node that is named first by everybody would carry all of them.
func TestAddressesOfABroker(t *testing.T) {
	p := &portal{cfg: Config{BrokerURL: "mqtt://a:1, mqtt://b:1,mqtt://c:1", MQTTURL: "mqtt://x:1,mqtt://y:1"}}
	require.Equal(t, []string{"mqtt://a:1", "mqtt://b:1", "mqtt://c:1"}, p.cfg.brokerURLs())
	first := map[string]bool{}
	for range 200 {
		urls := p.mqttURLs()
		require.ElementsMatch(t, []string{"mqtt://x:1", "mqtt://y:1"}, urls)
		first[urls[0]] = true
	}
	require.Len(t, first, 2)
}
