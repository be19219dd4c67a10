package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"seccam/pkg/credential"
	"seccam/pkg/signaling"
	"seccam/portal/fleet"
	"seccam/portal/store"
)

// Limits of the demo.
const (
	demoReadyTimeout = 30 * time.Second
	demoStopTimeout  = 10 * time.Second // then it is killed
	demoTokenTTL     = 24 * time.Hour
)

type demoCommand struct {
	Camerad    string `required:"" placeholder:"FILE" help:"The camerad binary."`
	Dir        string `default:".demo" help:"Where the demo keeps its state; a second run goes on with it."`
	PortalPort string `env:"PORTAL_PORT" help:"Port of the web pages; 8080, or a free one if that is taken."`
	MQTTPort   string `env:"MQTT_PORT" name:"mqtt-port" help:"Port of the MQTT broker; 1883, or a free one if that is taken."`
	Source     string `default:"auto" help:"The camera's source: auto takes a real camera if there is one."`
}

// demoFacts is demo.json: what a person or a script needs to use the demo.
type demoFacts struct {
	PortalURL string `json:"portal_url"`
	CameraID  string `json:"camera_id"`
	ClaimCode string `json:"claim_code"`
	// Claimed is true when an account of an earlier run owns the camera.
	Claimed   bool   `json:"claimed"`
	MQTTURL   string `json:"mqtt_url"`
	MQTTUser  string `json:"mqtt_user"`
	MQTTToken string `json:"mqtt_token"`
	// MosquittoSub shows the camera's status.
	MosquittoSub string         `json:"mosquitto_sub"`
	PIDs         map[string]int `json:"pids"`
	// Commands start a program again that was stopped by hand.
	Commands map[string]string `json:"commands"`
}

// Run starts everything, prints what to do next, and waits for ctx or for the programs to end.
func (c *demoCommand) Run(ctx context.Context) error {
	dir, err := filepath.Abs(c.Dir)
	if err != nil {
		return err
	}
	camerad, err := filepath.Abs(c.Camerad)
	if err != nil {
		return err
	}
	portalPort, err := pickPort("PORTAL_PORT", c.PortalPort, "8080")
	if err != nil {
		return err
	}
	mqttPort, err := pickPort("MQTT_PORT", c.MQTTPort, "1883")
	if err != nil {
		return err
	}
	facts := demoFacts{PortalURL: "http://127.0.0.1:" + portalPort, MQTTURL: "mqtt://127.0.0.1:" + mqttPort}
	if err := c.prepare(ctx, dir, portalPort, mqttPort, &facts); err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	cameraConfig := filepath.Join(dir, "camera", facts.CameraID, "camerad.yml")
	portalArgs := []string{self, "serve", "--config", filepath.Join(dir, "portal.yml")}
	cameraArgs := []string{camerad, "run", "--config", cameraConfig}
	facts.MosquittoSub = facts.mosquittoSub()
	facts.Commands = map[string]string{"portal": shellLine(portalArgs), "camerad": shellLine(cameraArgs)}
	return superviseDemo(ctx, dir, facts, portalArgs, cameraArgs)
}

// pickPort takes the port that was asked for, or the usual one, or a free one if that is in use.
func pickPort(variable, wanted, usual string) (string, error) {
	port := wanted
	if port == "" {
		port = usual
	}
	l, err := net.Listen("tcp", "127.0.0.1:"+port)
	if err != nil && wanted != "" {
		return "", fmt.Errorf("%s=%s: %w; choose another port", variable, wanted, err)
	}
	if err != nil {
		if l, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			return "", err
		}
		fmt.Printf("Port %s is in use; taking a free one (set %s to choose).\n", usual, variable)
	}
	_, port, _ = net.SplitHostPort(l.Addr().String())
	return port, l.Close()
}

// prepare writes portal.yml, and provisions a camera unless an earlier run did.
func (c *demoCommand) prepare(ctx context.Context, dir, portalPort, mqttPort string, facts *demoFacts) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	file := filepath.Join(dir, "portal.yml")
	text := fmt.Sprintf("listen: 127.0.0.1:%s\npublic_url: %s\ndatabase: portal.db\nstate_dir: .\nbroker:\n  tcp: 127.0.0.1:%s\n",
		portalPort, facts.PortalURL, mqttPort)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return err
	}
	cfg, err := loadConfig(file, nil)
	if err != nil {
		return err
	}
	s, err := store.Open(ctx, cfg.Database, nil)
	if err != nil {
		return err
	}
	err = c.camera(ctx, cfg, s, dir, facts)
	if err == nil {
		var token toolToken
		token, err = issueToolToken(ctx, cfg, s, createTokenCommand{Camera: facts.CameraID, TTL: demoTokenTTL, Note: "demo"})
		facts.MQTTUser, facts.MQTTToken = token.User, token.Token
	}
	return errors.Join(err, s.Close())
}

// camera goes on with the camera of an earlier run, or provisions one.
func (c *demoCommand) camera(ctx context.Context, cfg Config, s *store.Store, dir string, facts *demoFacts) error {
	var before demoFacts
	if data, err := os.ReadFile(filepath.Join(dir, "demo.json")); err == nil {
		_ = json.Unmarshal(data, &before) // a damaged file only means a new camera
	}
	if known, err := s.CameraByID(ctx, before.CameraID); err == nil {
		facts.CameraID, facts.ClaimCode, facts.Claimed = known.ID, before.ClaimCode, known.OwnerID != nil
	} else {
		master, _, err := loadKeys(cfg.StateDir)
		if err != nil {
			return err
		}
		label, err := fleet.New(s, master).One(ctx, filepath.Join(dir, "camera"), facts.PortalURL, c.Source)
		if err != nil {
			return err
		}
		facts.CameraID, facts.ClaimCode = label.Camera, label.Claim
	}
	// The port may differ from the last run's.
	file := filepath.Join(dir, "camera", facts.CameraID, fleet.ConfigFile)
	return os.WriteFile(file, []byte(fleet.CameraConfig(facts.PortalURL, facts.CameraID, c.Source)), 0o600)
}

// superviseDemo runs the two programs until ctx ends or both have ended by themselves. The camera
// ends before the portal, so that it can say goodbye.
func superviseDemo(ctx context.Context, dir string, facts demoFacts, portalArgs, cameraArgs []string) error {
	portal, err := startChild("portal", dir, portalArgs)
	if err != nil {
		return err
	}
	defer portal.stop()
	if err := awaitReady(ctx, facts.PortalURL+"/readyz", portal); err != nil {
		return fmt.Errorf("the portal did not start: %w; see %s", err, filepath.Join(dir, "portal.log"))
	}
	camera, err := startChild("camerad", dir, cameraArgs)
	if err != nil {
		return err
	}
	defer camera.stop()
	facts.PIDs = map[string]int{"demo": os.Getpid(), "portal": portal.pid(), "camerad": camera.pid()}
	if err := writeFacts(dir, facts); err != nil {
		return err
	}
	printFacts(dir, facts)
	portalDone, cameraDone := portal.done, camera.done
	for portalDone != nil || cameraDone != nil {
		select {
		case <-portalDone:
			portalDone = reportEnd("portal", facts)
		case <-cameraDone:
			cameraDone = reportEnd("camerad", facts)
		case <-ctx.Done():
			fmt.Println("Stopping. The state is kept in", dir)
			return nil
		}
	}
	return nil
}

// reportEnd says how to start a program again that somebody stopped by hand. It returns nil, for a
// channel that is not waited for any more.
func reportEnd(name string, facts demoFacts) chan struct{} {
	fmt.Printf("%s has ended. Start it again with:\n  %s\n", name, facts.Commands[name])
	return nil
}

func writeFacts(dir string, facts demoFacts) error {
	data, err := json.MarshalIndent(facts, "", "  ")
	if err != nil {
		return err
	}
	temporary := filepath.Join(dir, ".demo.json.tmp")
	if err := os.WriteFile(temporary, append(data, '\n'), 0o600); err != nil {
		return err
	}
	return os.Rename(temporary, filepath.Join(dir, "demo.json"))
}

// mosquittoSub is the command that shows the camera's status.
func (f *demoFacts) mosquittoSub() string {
	u, err := url.Parse(f.MQTTURL)
	if err != nil {
		return ""
	}
	return shellLine([]string{
		"mosquitto_sub", "-V", "5", "-h", u.Hostname(), "-p", u.Port(), "-u", f.MQTTUser, "-i", f.MQTTUser,
		"-P", f.MQTTToken, "-v", "-t", signaling.StatusTopic(f.CameraID),
	})
}

func printFacts(dir string, facts demoFacts) {
	next := "Sign up with these, press Next when the dot is green, and watch."
	if facts.Claimed {
		next = "The camera has an owner since an earlier run: log in with that account, and watch."
	}
	fmt.Printf(`
SecCam is running on this machine.

  Open            %s
  Camera id       %s
  Claim code      %s

  %s

  The camera's status, by MQTT:
  %s

  All of this is in %s. Logs: portal.log, camerad.log. Stop with Ctrl-C.
`,
		facts.PortalURL, credential.FormatCode(facts.CameraID), credential.FormatCode(facts.ClaimCode),
		next, facts.mosquittoSub(), filepath.Join(dir, "demo.json"))
}
