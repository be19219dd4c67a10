package e2e

import (
	"context"
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"seccam/pkg/credential"
	"seccam/portal/store"
)

// A backup is written while everything runs, and restored on another machine: the people and their cameras find
// everything there.
func TestBackupAndRestore(t *testing.T) {
	t.Parallel()
	l, c, person := newHousehold(t)
	file := filepath.Join(l.dir, "portal.backup")
	require.Contains(t, l.command("backup", file), "everything up to now")
	refused, err := exec.Command(portalBinary, "--config", l.configFile(), "restore", "--force", file).CombinedOutput()
	require.Error(t, err)
	require.Contains(t, string(refused), "a portal is running")

	l.portal.kill() // and with it all that it had
	old := l.dir
	l.dir = t.TempDir()
	l.configure(strings.TrimPrefix(l.url, "http://"), l.mqtt)
	require.Contains(t, l.command("restore", file), "Start the portal")
	refused, err = exec.Command(portalBinary, "--config", l.configFile(), "restore", file).CombinedOutput()
	require.Error(t, err)
	require.Contains(t, string(refused), "--force")
	l.startPortal()
	require.NotEqual(t, old, l.dir)
	s := person.dial("") // still logged in
	s.awaitStatus(c.id, true)
	requireWorks(t, s, c.id, 1)
}

const (
	crashPeople = 6
	crashLives  = 4
	crashClaims = 12 // of a life, before it ends
)

// crashes is people who claim cameras at a portal that is killed again and again.
type crashes struct {
	*lab
	people []*client

	mu      sync.Mutex
	claimed map[string]int // camera → whom the portal told that it is theirs
}

// Whatever the portal has said to be done is done, though it is killed at any moment, and no camera has two owners.
func TestKilledDuringClaims(t *testing.T) {
	t.Parallel()
	c := &crashes{lab: newLabWith(t, "127.0.0.1", "trusted_proxies: [127.0.0.1/32]\n"), claimed: map[string]int{}}
	labels := c.populate(crashPeople, crashLives*crashPeople*8)
	for range crashLives {
		c.claimUntilKilled(labels)
		c.startPortal()
	}
	require.GreaterOrEqual(t, len(c.claimed), crashLives*crashClaims)
	owners := map[string]int{}
	for i, person := range c.people {
		status, body := person.call(http.MethodGet, "/api/v1/cameras", nil)
		require.Equal(t, http.StatusOK, status, body)
		for _, camera := range body["cameras"].([]any) {
			id, _ := camera.(map[string]any)["id"].(string)
			require.NotContains(t, owners, id, "two owners")
			owners[id] = i
		}
	}
	for id, i := range c.claimed {
		require.Equal(t, i, owners[id], "a claim that was acknowledged is lost")
	}
}

// populate signs people up, and adds cameras in the database itself. It returns their ids and codes.
func (c *crashes) populate(people, cameras int) map[string]string {
	c.t.Helper()
	ctx := c.t.Context()
	db, err := store.Open(ctx, filepath.Join(c.dir, "portal.db"), nil)
	require.NoError(c.t, err)
	defer func() { require.NoError(c.t, db.Close()) }()
	provision := func() (id, code string) {
		id, code = credential.NewCode(), credential.NewCode()
		require.NoError(c.t, db.Provision(ctx, id, credential.HashClaimCode(id, code)))
		return id, code
	}
	for i := range people {
		id, code := provision()
		person := c.client()
		status, body := person.call(http.MethodPost, "/api/v1/signup", map[string]string{
			"username": fmt.Sprint("user", i), "camera_id": id, "claim_code": code, "password": testPassword, "password_confirm": testPassword,
		})
		require.Equal(c.t, http.StatusCreated, status, body)
		require.NoError(c.t, db.Seen(ctx, map[string]time.Time{id: time.Now().Add(time.Second)}))
		status, body = person.call(http.MethodPost, "/api/v1/signup/confirm", nil)
		require.Equal(c.t, http.StatusOK, status, body)
		c.people = append(c.people, person)
	}
	labels := map[string]string{}
	for range cameras {
		id, code := provision()
		labels[id] = code
	}
	return labels
}

// claimUntilKilled has everybody claim whatever is free, each camera by two people, until the portal is killed.
func (c *crashes) claimUntilKilled(labels map[string]string) {
	begun := len(c.claimed)
	enough := make(chan struct{})
	reached := sync.OnceFunc(func() { close(enough) })
	ctx, cancel := context.WithTimeout(c.t.Context(), patience)
	defer cancel()
	var all sync.WaitGroup
	for i, person := range c.people {
		all.Go(func() {
			for id, code := range labels {
				if !c.claim(ctx, i, person, id, code) {
					return
				}
				c.mu.Lock()
				if len(c.claimed)-begun >= crashClaims {
					reached()
				}
				c.mu.Unlock()
			}
		})
	}
	select {
	case <-enough:
	case <-ctx.Done():
		c.t.Error("too few claims")
	}
	c.portal.kill()
	all.Wait()
}

// claim reports false when the portal is gone.
func (c *crashes) claim(ctx context.Context, i int, person *client, id, code string) bool {
	c.mu.Lock()
	_, known := c.claimed[id]
	c.mu.Unlock()
	if known {
		return true
	}
	body := fmt.Sprintf(`{"camera_id":%q,"claim_code":%q}`, id, code)
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, person.base+"/api/v1/cameras", strings.NewReader(body))
	if err != nil {
		c.t.Error(err)
		return false
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("X-Forwarded-For", fmt.Sprintf("192.0.2.%d", i)) // throttles are not what is tried here
	answer, err := person.http.Do(request)
	if err != nil {
		return false
	}
	_ = answer.Body.Close()
	if answer.StatusCode == http.StatusCreated {
		c.mu.Lock()
		c.claimed[id] = i
		c.mu.Unlock()
	}
	return answer.StatusCode < http.StatusInternalServerError && answer.StatusCode != http.StatusTooManyRequests
}
