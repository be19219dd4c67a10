package update

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"aead.dev/minisign"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func slot(name, version string) *Slot { return &Slot{Name: name, Version: version} }

func trial(name, version string, starts int) *Trial { return &Trial{*slot(name, version), starts} }

// Every transition, from every kind of state.
func TestTransitions(t *testing.T) {
	base := State{}
	first := State{Trial: trial("a", "2.0.0", 0)}
	second := State{Active: slot("a", "2.0.0"), Trial: trial("b", "3.0.0", 0)}
	settled := State{Active: slot("b", "3.0.0"), Former: slot("a", "2.0.0")}
	crashed := State{Active: slot("a", "2.0.0"), Trial: trial("b", "3.0.0", maxStarts)}
	stage := func(s *State) error { return s.stage("4.0.0", "hash") }
	start := func(s *State) error { s.start(); return nil }
	fail := func(s *State) error { s.fail("why"); return nil }
	confirm := func(version string) func(*State) error {
		return func(s *State) error {
			if !s.confirm(version) {
				return errors.New("not on trial")
			}
			return nil
		}
	}
	for name, tc := range map[string]struct {
		from  State
		do    func(*State) error
		legal bool
		boots string // by a base of 1.0.0; "" is the base
		state func(s State) bool
	}{
		"stage the first":         {base, stage, true, "4.0.0", func(s State) bool { return s.Trial.Name == "a" }},
		"stage beside the active": {settled, stage, true, "4.0.0", func(s State) bool { return s.Trial.Name == "a" && s.Former == nil }},
		"stage during a trial":    {second, stage, false, "3.0.0", func(s State) bool { return s.Trial.Version == "3.0.0" }},
		"start the first":         {first, start, true, "2.0.0", func(s State) bool { return s.Trial.Starts == 1 }},
		"start without a trial":   {settled, start, true, "3.0.0", func(s State) bool { return s.Trial == nil }},
		"start once too often":    {crashed, start, true, "2.0.0", func(s State) bool { return s.Trial == nil && s.Failed["3.0.0"] != "" }},
		"confirm the first":       {first, confirm("2.0.0"), true, "2.0.0", func(s State) bool { return s.Active.Name == "a" && s.Former == nil }},
		"confirm the second":      {second, confirm("3.0.0"), true, "3.0.0", func(s State) bool { return s.Active.Name == "b" && s.Former.Name == "a" }},
		"confirm another":         {second, confirm("2.0.0"), false, "3.0.0", func(s State) bool { return s.Trial != nil }},
		"confirm nothing":         {settled, confirm("3.0.0"), false, "3.0.0", func(s State) bool { return s.Active.Version == "3.0.0" }},
		"fail the first":          {first, fail, true, "", func(s State) bool { return s.Failed["2.0.0"] == "why" }},
		"fail the second":         {second, fail, true, "2.0.0", func(s State) bool { return s.Failed["3.0.0"] == "why" }},
		"fail nothing":            {settled, fail, true, "3.0.0", func(s State) bool { return len(s.Failed) == 0 }},
		"roll back a trial":       {second, (*State).rollBack, true, "2.0.0", func(s State) bool { return s.Failed["3.0.0"] != "" }},
		"roll back":               {settled, (*State).rollBack, true, "2.0.0", func(s State) bool { return s.Failed["3.0.0"] != "" && s.Former == nil }},
		"roll back the base":      {base, (*State).rollBack, false, "", func(s State) bool { return len(s.Failed) == 0 }},
	} {
		data, err := json.Marshal(tc.from)
		require.NoError(t, err)
		var s State
		require.NoError(t, json.Unmarshal(data, &s))
		require.Equal(t, tc.legal, tc.do(&s) == nil, name)
		boots := ""
		if next := s.boot("1.0.0"); next != nil {
			boots = next.Version
		}
		require.Equal(t, tc.boots, boots, name)
		require.True(t, tc.state(s), "%s: %+v", name, s)
	}
	require.Nil(t, settled.boot("3.0.1"), "a package that was upgraded is newer than the slot")
	require.Nil(t, settled.boot("3.0.0"), "or as new")
}

// releases is a server of releases with a key of its own.
type releases struct {
	t      *testing.T
	files  map[string][]byte
	key    minisign.PrivateKey
	source *Source
	store  *Store
}

func newReleases(t *testing.T) *releases {
	t.Helper()
	public, private, err := minisign.GenerateKey(rand.Reader)
	require.NoError(t, err)
	r := &releases{t: t, files: map[string][]byte{}, key: private, store: Open(t.TempDir())}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		data, known := r.files[request.URL.Path]
		if !known {
			http.NotFound(w, request)
			return
		}
		_, _ = w.Write(data)
	}))
	t.Cleanup(server.Close)
	r.source = &Source{
		URL: server.URL + "/seccam", Key: public, Channel: "stable", OS: "linux", Arch: "arm64", Camera: "d5tx0bdn8j6hcmav70kg", Version: "1.0.0",
		HTTP: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}, Free: func(string) (uint64, error) { return 1 << 40, nil },
	}
	return r
}

const manifestPath = "/seccam/stable/camerad-linux-arm64.json"

// publish signs a release, after change has made of it what is to be tried.
func (r *releases) publish(version string, change func(*Manifest)) Manifest {
	r.t.Helper()
	binary := []byte("#!/bin/sh\n# camerad " + version + "\n")
	sum := sha256.Sum256(binary)
	m := Manifest{
		Product: Product, Channel: "stable", OS: "linux", Arch: "arm64", Version: version, File: "camerad-" + version,
		Size: int64(len(binary)), SHA256: hex.EncodeToString(sum[:]), Percent: 100,
	}
	r.files["/seccam/stable/"+m.File] = binary
	change(&m)
	data, err := json.Marshal(m)
	require.NoError(r.t, err)
	r.files[manifestPath], r.files[manifestPath+".minisig"] = data, minisign.Sign(r.key, data)
	return m
}

func asItIs(*Manifest) {}

// update does what the daemon does.
func (r *releases) update() error {
	m, err := r.source.Check(r.t.Context())
	if err != nil {
		return err
	}
	state, err := r.store.Load()
	require.NoError(r.t, err)
	if err := r.source.Suits(m, state); err != nil {
		return err
	}
	return r.source.Install(r.t.Context(), m, r.store)
}

// untouched is that nothing is on trial and nothing is left of the attempt.
func (r *releases) untouched() {
	r.t.Helper()
	state, err := r.store.Load()
	require.NoError(r.t, err)
	require.Nil(r.t, state.Trial)
	left, err := filepath.Glob(filepath.Join(r.store.folder, "camerad-*"))
	require.NoError(r.t, err)
	require.Empty(r.t, left)
}

func TestGoodRelease(t *testing.T) {
	r := newReleases(t)
	m := r.publish("1.1.0", asItIs)
	require.NoError(t, r.update())
	next, onTrial, err := r.store.Next("1.0.0")
	require.NoError(t, err)
	require.True(t, onTrial)
	require.Equal(t, Slot{Name: "a", Version: "1.1.0", SHA256: m.SHA256}, *next)
	info, err := os.Stat(r.store.Path(*next))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o700), info.Mode())
	require.ErrorIs(t, r.update(), ErrBusy)
	confirmed, err := r.store.Confirm("1.1.0")
	require.NoError(t, err)
	require.True(t, confirmed)
	require.Contains(t, r.store.Outcome(), "works")
	require.Empty(t, r.store.Outcome(), "it is told once")
	next, onTrial, err = r.store.Next("1.0.0")
	require.NoError(t, err)
	require.False(t, onTrial)
	require.Equal(t, "1.1.0", next.Version)

	r.source.Version = "1.1.0"
	require.ErrorIs(t, r.update(), ErrCurrent)
	r.publish("1.2.0", asItIs)
	require.NoError(t, r.update())
	next, _, err = r.store.Next("1.0.0")
	require.NoError(t, err)
	require.Equal(t, "b", next.Name, "what works is not touched")
	require.NoError(t, r.store.RollBack())
	require.ErrorIs(t, r.update(), ErrFailed)
}

func TestReleaseThatIsNotInstalled(t *testing.T) {
	for name, tc := range map[string]struct {
		spoil func(r *releases)
		words string
	}{
		"forged manifest": {func(r *releases) {
			r.files[manifestPath] = append(r.files[manifestPath], ' ')
		}, "not signed with the key"},
		"another's signature": {func(r *releases) {
			_, other, err := minisign.GenerateKey(rand.Reader)
			require.NoError(r.t, err)
			r.files[manifestPath+".minisig"] = minisign.Sign(other, r.files[manifestPath])
		}, "not signed with the key"},
		"no signature":        {func(r *releases) { delete(r.files, manifestPath+".minisig") }, "404"},
		"garbage signature":   {func(r *releases) { r.files[manifestPath+".minisig"] = []byte("x") }, "not signed"},
		"huge manifest":       {func(r *releases) { r.files[manifestPath] = make([]byte, maxManifest+1) }, "over 65536 bytes"},
		"truncated":           {func(r *releases) { f := "/seccam/stable/camerad-1.1.0"; r.files[f] = r.files[f][:9] }, "9 bytes came instead of"},
		"longer":              {func(r *releases) { f := "/seccam/stable/camerad-1.1.0"; r.files[f] = append(r.files[f], 'x') }, "instead of"},
		"another binary":      {func(r *releases) { r.files["/seccam/stable/camerad-1.1.0"][20] ^= 1 }, "not the file that was signed"},
		"missing binary":      {func(r *releases) { delete(r.files, "/seccam/stable/camerad-1.1.0") }, "404"},
		"full disk":           {func(r *releases) { r.source.Free = func(string) (uint64, error) { return 1 << 20, nil } }, "the disk has 1 MiB free"},
		"older":               {func(r *releases) { r.publish("0.9.0", asItIs) }, ErrCurrent.Error()},
		"a pre-release of it": {func(r *releases) { r.publish("1.0.0-rc.1", asItIs) }, ErrCurrent.Error()},
		"not a release":       {func(r *releases) { r.source.Version = "(devel)" }, ErrNoRelease.Error()},
		"nobody's stage":      {func(r *releases) { r.publish("1.1.0", func(m *Manifest) { m.Percent = 0 }) }, ErrStage.Error()},
		"another machine":     {func(r *releases) { r.publish("1.1.0", func(m *Manifest) { m.Arch = "amd64" }) }, "not for this camera"},
		"another channel":     {func(r *releases) { r.publish("1.1.0", func(m *Manifest) { m.Channel = "beta" }) }, "not for this camera"},
		"another product":     {func(r *releases) { r.publish("1.1.0", func(m *Manifest) { m.Product = "portal" }) }, "not for this camera"},
		"a file elsewhere":    {func(r *releases) { r.publish("1.1.0", func(m *Manifest) { m.File = "../x" }) }, "names no file beside it"},
		"no version":          {func(r *releases) { r.publish("1.1.0", func(m *Manifest) { m.Version = "new" }) }, "no usable version"},
		"too large":           {func(r *releases) { r.publish("1.1.0", func(m *Manifest) { m.Size = maxBinary + 1 }) }, "no usable"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newReleases(t)
			r.publish("1.1.0", asItIs)
			tc.spoil(r)
			require.ErrorContains(t, r.update(), tc.words)
			r.untouched()
		})
	}
}

// A disk that fills up while the binary is written leaves nothing.
func TestDiskThatFillsUp(t *testing.T) {
	r := newReleases(t)
	r.publish("1.1.0", asItIs)
	require.NoError(t, r.store.make())
	require.NoError(t, os.Symlink("/dev/full", r.store.Path(Slot{Name: "a"})+".new"))
	require.ErrorContains(t, r.update(), "no space left")
	r.untouched()
}

func TestStages(t *testing.T) {
	first, half := 0, 0
	for i := range 2000 {
		camera := hex.EncodeToString([]byte{byte(i), byte(i >> 8)})
		stage := Stage(camera, "1.1.0")
		require.Equal(t, stage, Stage(camera, "1.1.0"))
		if stage < 10 {
			first++
		}
		if stage < 50 {
			half++
		}
	}
	require.InDelta(t, 200, first, 50)
	require.InDelta(t, 1000, half, 120)
	require.NotEqual(t, Stage("c", "1.1.0"), Stage("c", "1.2.0"), "another order for each release")
}

func TestSlotThatIsDamaged(t *testing.T) {
	r := newReleases(t)
	r.publish("1.1.0", asItIs)
	require.NoError(t, r.update())
	_, err := r.store.Confirm("1.1.0")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(r.store.Path(Slot{Name: "a"}), []byte("#!/bin/sh\nevil\n"), 0o700))
	next, _, err := r.store.Next("1.0.0")
	require.NoError(t, err)
	require.Nil(t, next, "the base")
	require.Contains(t, r.store.Outcome(), "damaged")

	require.NoError(t, os.WriteFile(filepath.Join(r.store.folder, stateName), []byte("{"), 0o600))
	next, _, err = r.store.Next("1.0.0")
	require.NoError(t, err)
	require.Nil(t, next, "the base")
}

// watched starts a process in place of a release on trial.
func watched(t *testing.T, script string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command("sh", "-c", script)
	require.NoError(t, cmd.Start())
	return cmd
}

func TestWatcher(t *testing.T) {
	stage := func(t *testing.T) *Store {
		store := Open(t.TempDir())
		require.NoError(t, store.Change(func(s *State) error { return s.stage("2.0.0", "hash") }))
		return store
	}
	t.Run("it does nothing", func(t *testing.T) {
		store, cmd := stage(t), watched(t, "exec sleep 100")
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		require.NoError(t, store.Watch(t.Context(), cmd.Process, 50*time.Millisecond))
		require.Error(t, <-ended, "it was ended")
		state, err := store.Load()
		require.NoError(t, err)
		require.Contains(t, state.Failed["2.0.0"], "not connected")
		require.Contains(t, state.Outcome, "taken back")
	})
	t.Run("it is confirmed", func(t *testing.T) {
		store, cmd := stage(t), watched(t, "exec sleep 100")
		_, err := store.Confirm("2.0.0")
		require.NoError(t, err)
		require.NoError(t, store.Watch(t.Context(), cmd.Process, time.Minute))
		require.NoError(t, cmd.Process.Kill(), "it was left alone")
		_ = cmd.Wait()
	})
	t.Run("it ends by itself", func(t *testing.T) {
		store, cmd := stage(t), watched(t, "exit 1")
		require.Error(t, cmd.Wait())
		require.NoError(t, store.Watch(t.Context(), cmd.Process, time.Minute))
		state, err := store.Load()
		require.NoError(t, err)
		require.NotNil(t, state.Trial, "the starts are counted elsewhere")
	})
	t.Run("it is stopped", func(t *testing.T) {
		store, cmd := stage(t), watched(t, "exec sleep 100")
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		require.NoError(t, store.Watch(ctx, cmd.Process, time.Minute))
		require.NoError(t, cmd.Process.Kill())
		_ = cmd.Wait()
	})
}

func FuzzManifest(f *testing.F) {
	f.Add([]byte(`{"product":"camerad","channel":"stable","os":"linux","arch":"arm64","version":"1.1.0","file":"x","size":1,"sha256":"00","percent":100}`))
	source := Source{Channel: "stable", OS: "linux", Arch: "arm64", Version: "1.0.0"}
	f.Fuzz(func(t *testing.T, data []byte) {
		var m Manifest
		if json.Unmarshal(data, &m) != nil || source.check(m) != nil {
			return
		}
		require.Equal(t, filepath.Base(m.File), m.File)
		if source.Suits(m, State{}) == nil {
			require.True(t, newer(m.Version, "1.0.0"))
		}
	})
}
