package e2e

import (
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"seccam/pkg/credential"
	"seccam/pkg/signaling"
	"seccam/portal/store/storetest"
)

// cluster is two portals on one PostgreSQL and three nodes of ejabberd, with cameras that found the broker's nodes in
// orders of their own.
type cluster struct {
	*lab
	brokers *ejabberds
	second  *process
	base2   string // of the second portal
	cameras []*camera
	people  []*client
}

const clusterCameras = 3

// sharedDatabase is one that several portals can have, of a PostgreSQL that ends with the test. It skips the test, loudly,
// where there is none.
func sharedDatabase(t *testing.T) (url string) {
	t.Helper()
	server, err := storetest.StartPostgres()
	if err != nil {
		t.Skip("NOT TESTED:", err)
	}
	t.Cleanup(func() { require.NoError(t, server.Stop()) })
	database, err := server.Create("")
	require.NoError(t, err)
	return server.URL(database)
}

func newCluster(t *testing.T) *cluster {
	t.Helper()
	c := &cluster{lab: &lab{t: t, dir: t.TempDir()}}
	key := filepath.Join(c.dir, "mqtt.key")
	require.NoError(t, os.WriteFile(key, []byte(credential.NewSecret().Hex()+"\n"), 0o600))
	c.brokers = startEjabberds(t, 3, key)
	c.data = sharedDatabase(t)
	c.more = "broker_jid_host: seccam\nbroker_url: " + c.brokers.urls() + "\nmqtt_url: " + c.brokers.urls() + "\n"
	c.begin("127.0.0.1")
	for range clusterCameras {
		camera := c.provision()
		c.startCamera(camera)
		c.cameras = append(c.cameras, camera)
		c.people = append(c.people, c.signUp("owner-"+camera.id[:8], camera))
	}
	c.startSecond()
	return c
}

// startSecond starts the second portal. People come to both by one address, as behind a proxy.
func (c *cluster) startSecond() {
	c.t.Helper()
	file := filepath.Join(c.dir, "second.yml")
	text := "listen: 127.0.0.1:0\npublic_url: " + c.url + "\nstate_dir: .\nlog_level: debug\ndatabase: " + c.data + "\n" + c.more
	require.NoError(c.t, os.WriteFile(file, []byte(text), 0o600))
	c.second = start(c.t, "second portal", portalBinary, "serve", "--config", file)
	c.base2 = "http://" + c.second.await(`portal ready.* listen=(\S+)`)[1]
	c.second.await("signalling is up")
}

// there is the person at the second portal.
func (c *cluster) there(person *client) *client {
	c.t.Helper()
	from, err := url.Parse(c.url)
	require.NoError(c.t, err)
	to, err := url.Parse(c.base2)
	require.NoError(c.t, err)
	other := *person
	other.base = c.base2
	other.http.Jar.SetCookies(to, other.http.Jar.Cookies(from))
	return &other
}

// recovered logs how long it took until a person could begin a view of a camera at a portal, and returns the socket.
func (c *cluster) recovered(what string, person *client, camera *camera) *socket {
	c.t.Helper()
	began := time.Now()
	s := person.dial("")
	s.awaitStatus(camera.id, true)
	requireWorks(c.t, s, camera.id, 1)
	c.t.Logf("%s: a new view after %s", what, time.Since(began).Round(time.Millisecond))
	return s
}

func TestCluster(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.requireRefusals()
	c.requireOutlives()
	c.requireRevoked(1)
}

// requireOutlives: a camera got its token from one portal, and is watched by the other, across the nodes of a broker
// that is not ours. People go on while a node and each portal die.
func (c *cluster) requireOutlives() {
	t := c.t
	mine, me := c.cameras[0], c.there(c.people[0])
	s := me.dial("")
	require.Equal(t, signaling.StateOnline, s.awaitStatus(mine.id, true).State)
	v := newView(t, s, mine.id, 1)
	v.offer()
	v.awaitKeyFrame()

	node := c.brokers.of(mine.process)
	t.Log("the camera's node dies:", node.name)
	node.kill()
	v.awaitFrames(20)
	c.recovered("a node died", me, mine)
	for i, camera := range c.cameras[1:] {
		c.recovered("the same, another camera", c.there(c.people[i+1]), camera)
	}
	require.NotSame(t, node, c.brokers.of(mine.process))

	t.Log("the first portal dies")
	c.portal.kill()
	v.awaitFrames(20)
	c.recovered("the first portal died", me, mine)
	c.startPortal() // at the same address, and asks a node that may remember nothing
	c.recovered("it is back", c.people[0], mine)
	t.Log("the second portal dies")
	c.second.kill()
	v.awaitFrames(20)
	c.recovered("the second portal died", c.people[0], mine)
}

// requireRevoked revokes a camera's key: it is cut off, though the broker knows nothing of it.
func (c *cluster) requireRevoked(i int) {
	c.t.Helper()
	camera := c.cameras[i]
	s := c.people[i].dial("")
	s.awaitStatus(camera.id, true)
	began := time.Now()
	c.command("cameras", "revoke", camera.id)
	s.awaitStatus(camera.id, false)
	c.t.Logf("a revoked camera is shown offline after %s", time.Since(began).Round(time.Millisecond))
	camera.process.await("does not accept this camera's key")
}

// requireRefusals: who has a camera's token may do no more at a broker that is not ours than at ours.
func (c *cluster) requireRefusals() {
	t := c.t
	text, err := os.ReadFile(filepath.Join(c.dir, "mqtt.key"))
	require.NoError(t, err)
	key, err := credential.ParseSecret(string(text))
	require.NoError(t, err)
	keys := credential.NewKeys("k", key).ForHost("seccam")
	thief := credential.Identity{Role: credential.RoleCamera, ID: credential.NewCode()}
	victim := c.cameras[0].id
	now := time.Now()
	token := func(keys credential.Keys, at time.Time) string {
		token, _, err := keys.Issue(thief, credential.CameraRules(thief.ID), 1, at, time.Hour)
		require.NoError(t, err)
		return token
	}
	for name, tc := range map[string]struct {
		user, token string
		args        []string
		refused     bool
	}{
		"its own status":                {keys.Username(thief), token(keys, now), publish(signaling.StatusTopic(thief.ID)), false},
		"another's status":              {keys.Username(thief), token(keys, now), publish(signaling.StatusTopic(victim)), true},
		"everybody's status":            {keys.Username(thief), token(keys, now), subscribe("seccam/v1/cameras/+/status"), true},
		"everything":                    {keys.Username(thief), token(keys, now), subscribe("#"), true},
		"the broker's insides":          {keys.Username(thief), token(keys, now), subscribe("$SYS/#"), true},
		"another's sessions":            {keys.Username(thief), token(keys, now), subscribe("seccam/v1/cameras/" + victim + "/sessions/+/+/to-camera"), true},
		"its own sessions, as a portal": {keys.Username(thief), token(keys, now), publish("seccam/v1/cameras/" + thief.ID + "/sessions/p/s/to-camera"), true},
		"another's name":                {victim + "@seccam", token(keys, now), publish(signaling.StatusTopic(victim)), true},
		"a portal's name":               {"portal-x@seccam", token(keys, now), publish(signaling.StatusTopic(thief.ID)), true},
		"an old token":                  {keys.Username(thief), token(keys, now.Add(-2*time.Hour)), publish(signaling.StatusTopic(thief.ID)), true},
		"a token signed by somebody":    {keys.Username(thief), token(credential.NewKeys("k", credential.NewSecret()).ForHost("seccam"), now), publish(signaling.StatusTopic(thief.ID)), true},
		"a token without an address":    {keys.Username(thief), token(credential.NewKeys("k", key), now), publish(signaling.StatusTopic(thief.ID)), true},
		"a will on another's status":    {keys.Username(thief), token(keys, now), append(publish(signaling.StatusTopic(thief.ID)), "--will-topic", signaling.StatusTopic(victim), "--will-payload", "x"), true},
		"no token":                      {keys.Username(thief), "x", publish(signaling.StatusTopic(thief.ID)), true},
	} {
		args := append([]string{tc.args[0], "-V", "5", "-h", "127.0.0.1", "-p", port(c.brokers.nodes[0].address), "-i", thief.Subject(),
			"-u", tc.user, "-P", tc.token, "-q", "1"}, tc.args[1:]...)
		output, err := exec.Command(args[0], args[1:]...).CombinedOutput()
		if tc.refused {
			require.Regexp(t, `(?i)forbidden|not authori[sz]ed|denied|invalid`, string(output), name)
		} else {
			require.NoError(t, err, "%s: %s", name, output)
			require.NotRegexp(t, `(?i)forbidden|failed`, string(output), name)
		}
	}
	status, _ := c.people[0].call(http.MethodGet, "/api/v1/cameras/"+victim, nil)
	require.Equal(t, http.StatusOK, status)
	c.people[0].dial("").awaitStatus(victim, true)
}

func publish(topic string) []string { return []string{"mosquitto_pub", "-t", topic, "-m", "{}"} }

func subscribe(filter string) []string {
	return []string{"mosquitto_sub", "-t", filter, "-W", "5", "-E", "-d"}
}
