package e2e

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// ejabberds are the nodes of a cluster of Debian's ejabberd on loopback, with the shipped configuration.
type ejabberds struct {
	t     *testing.T
	dir   string
	env   []string // of everything that is Erlang
	nodes []*ejabberd
}

type ejabberd struct {
	*process
	name, address string // of the Erlang node, and host:port of MQTT
}

// startEjabberds starts a cluster that believes in tokens signed with the key in a file.
func startEjabberds(t *testing.T, nodes int, key string) *ejabberds {
	t.Helper()
	library, err := filepath.Glob("/usr/lib/*/ejabberd-*/ebin")
	require.NoError(t, err)
	if len(library) == 0 {
		t.Skip("NOT TESTED: ejabberd is not installed (.ci/deps test)")
	}
	dir := t.TempDir()
	c := &ejabberds{t: t, dir: dir, env: []string{
		"env", "HOME=" + dir, "ERL_EPMD_PORT=" + port(freeAddress(t)), "ERL_LIBS=" + filepath.Dir(filepath.Dir(library[0])),
	}}
	start(t, "epmd", append(c.env, "epmd", "-address", "127.0.0.1", "-d")...).await("epmd running")
	writeJWK(t, key, filepath.Join(dir, "seccam.jwk"))
	for i := range nodes {
		c.nodes = append(c.nodes, c.start(fmt.Sprintf("node%d@localhost", i+1)))
	}
	for _, node := range c.nodes {
		node.await("Start accepting TCP connections")
	}
	for _, node := range c.nodes[1:] {
		c.control(node, "join_cluster", c.nodes[0].name)
	}
	require.Len(t, strings.Fields(c.control(c.nodes[0], "list_cluster")), nodes)
	return c
}

// start starts a node, which is not in the cluster yet.
func (c *ejabberds) start(name string) *ejabberd {
	c.t.Helper()
	node := &ejabberd{name: name, address: freeAddress(c.t)}
	folder := filepath.Join(c.dir, name)
	require.NoError(c.t, os.MkdirAll(folder, 0o700))
	shipped, err := os.ReadFile(filepath.Join("..", "..", "configs", "ejabberd", "ejabberd.yml"))
	require.NoError(c.t, err)
	text := strings.NewReplacer("port: 1883", "port: "+port(node.address), "/etc/ejabberd/seccam.jwk", filepath.Join(c.dir, "seccam.jwk")).
		Replace(string(shipped))
	config := filepath.Join(folder, "ejabberd.yml")
	require.NoError(c.t, os.WriteFile(config, []byte(text), 0o600))
	own := []string{"env", "EJABBERD_CONFIG_PATH=" + config, "EJABBERD_LOG_PATH=" + filepath.Join(folder, "ejabberd.log")}
	node.process = start(c.t, name, append(own, c.erl("-sname", name, "-mnesia", "dir", strconv.Quote(folder), "-s", "ejabberd")...)...)
	return node
}

// erl is how Erlang is started so that it neither listens beyond this machine nor burns the processor while it waits.
func (c *ejabberds) erl(args ...string) []string {
	common := []string{"erl", "-noinput", "-setcookie", filepath.Base(c.dir), "-kernel", "inet_dist_use_interface", "{127,0,0,1}",
		"+sbwt", "none", "+S", "2"}
	return slices.Concat(c.env, common, args)
}

// control runs one of ejabberdctl's commands and returns its output.
func (c *ejabberds) control(node *ejabberd, command ...string) string {
	c.t.Helper()
	args := append(c.erl("-sname", "control@localhost", "-hidden", "-s", "ejabberd_ctl", "-extra", node.name), command...)
	output, err := exec.Command(args[0], args[1:]...).CombinedOutput()
	require.NoError(c.t, err, "%v: %s", command, output)
	return string(output)
}

// urls are the addresses of all nodes, as the portal's configuration has them.
func (c *ejabberds) urls() string {
	var urls []string
	for _, node := range c.nodes {
		urls = append(urls, "mqtt://"+node.address)
	}
	return strings.Join(urls, ",")
}

// of returns the node to which a program is connected.
func (c *ejabberds) of(p *process) *ejabberd {
	c.t.Helper()
	output, err := exec.Command("ss", "-Htnp", "state", "established").Output()
	require.NoError(c.t, err)
	mine := regexp.MustCompile(fmt.Sprintf(`\bpid=%d\b`, p.cmd.Process.Pid))
	for _, line := range strings.Split(string(output), "\n") {
		for _, node := range c.nodes {
			if mine.MatchString(line) && strings.Contains(line, " "+node.address+" ") {
				return node
			}
		}
	}
	c.t.Fatalf("%s is connected to no node:\n%s", p.name, output)
	return nil
}

// writeJWK writes a key file as ejabberd wants it.
func writeJWK(t *testing.T, key, path string) {
	t.Helper()
	text, err := os.ReadFile(key)
	require.NoError(t, err)
	raw, err := hex.DecodeString(strings.TrimSpace(string(text)))
	require.NoError(t, err)
	jwk := fmt.Sprintf(`{"kty":"oct","alg":"HS256","k":"%s"}`, base64.RawURLEncoding.EncodeToString(raw))
	require.NoError(t, os.WriteFile(path, []byte(jwk), 0o600))
}

// freeAddress is a port of loopback that was free a moment ago, for programs that cannot choose one themselves.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, l.Close())
	return l.Addr().String()
}

func port(address string) string {
	_, port, _ := strings.Cut(address, ":")
	return port
}
