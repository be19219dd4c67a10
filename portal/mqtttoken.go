package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"seccam/pkg/credential"
	"seccam/portal/store"
)

type mqttTokenCommand struct {
	Create createTokenCommand `cmd:"" default:"withargs" help:"Print a new token, its user name and client id."`
	Revoke revokeTokenCommand `cmd:"" help:"End a token before its time; its connections are cut."`
}

type createTokenCommand struct {
	Camera   string        `required:"" help:"A camera's id, or \"all\"."`
	RPC      bool          `name:"rpc" help:"Also allow asking the camera how it is: ping, info, logs and selftest."`
	Snapshot bool          `help:"Also allow taking pictures. Only for people who may see what the camera sees."`
	Restart  bool          `help:"Also allow restarting the camera."`
	Config   bool          `name:"configure" help:"Also allow setting what of the camera's configuration can be set from afar."`
	TTL      time.Duration `name:"ttl" default:"1h" help:"How long the token lives, at most 720h."`
	Note     string        `default:"" help:"Who it is for; kept with the record of the token."`
}

const maxTokenTTL = 30 * 24 * time.Hour

// Run prints a token for MQTT tools, and keeps a record of it.
func (c *createTokenCommand) Run(ctx context.Context, cli *commands) error {
	return withStore(ctx, cli, func(cfg Config, s *store.Store) error {
		if c.Note == "" {
			c.Note = os.Getenv("USER")
		}
		t, err := issueToolToken(ctx, cfg, s, *c)
		if err != nil {
			return err
		}
		fmt.Printf("id:         %s\nuser name:  %s   (also the client id)\nexpires:    %s\ntoken:      %s\n",
			t.ID, t.User, t.Expires.Local().Format(time.DateTime), t.Token)
		return nil
	})
}

// toolToken is a token for a person's MQTT tool.
type toolToken struct {
	ID, User, Token string
	Expires         time.Time
}

func issueToolToken(ctx context.Context, cfg Config, s *store.Store, c createTokenCommand) (toolToken, error) {
	if cfg.BrokerJIDHost != "" {
		return toolToken{}, errors.New("your broker cannot tell what a token allows, so it lets no tools in; see docs/scaling.md")
	}
	if c.TTL < time.Second || c.TTL > maxTokenTTL {
		return toolToken{}, fmt.Errorf("--ttl must be between 1s and %s", maxTokenTTL)
	}
	camera := "+"
	if c.Camera != "all" {
		id, err := credential.ParseCode(c.Camera)
		if err != nil {
			return toolToken{}, fmt.Errorf("--camera: %w", err)
		}
		if _, err := s.CameraByID(ctx, id); err != nil {
			return toolToken{}, fmt.Errorf("--camera: there is no camera %s; see: portal cameras list", id)
		}
		camera = id
	}
	_, keys, err := loadKeys(cfg.StateDir)
	if err != nil {
		return toolToken{}, err
	}
	who := credential.Identity{Role: credential.RoleTool, ID: strings.ToLower(rand.Text()[:12])}
	rules := credential.ToolRules(camera, who.Subject(), credential.ToolRights{RPC: c.RPC, Snapshot: c.Snapshot, Restart: c.Restart, Config: c.Config})
	token, claims, err := keys.Issue(who, rules, 0, time.Now(), c.TTL)
	if err != nil {
		return toolToken{}, err
	}
	err = s.RecordToken(ctx, store.MQTTToken{
		ID: claims.ID, Subject: who.Subject(), Camera: camera, RPC: c.RPC, Snapshot: c.Snapshot, Restart: c.Restart, Config: c.Config, Note: c.Note,
		ExpiresAt: claims.ExpiresAt.Time,
	})
	return toolToken{ID: claims.ID, User: who.Subject(), Token: token, Expires: claims.ExpiresAt.Time}, err
}

type revokeTokenCommand struct {
	ID string `arg:"" help:"The id that was printed with the token."`
}

// Run revokes a token.
func (c *revokeTokenCommand) Run(ctx context.Context, cli *commands) error {
	return withStore(ctx, cli, func(_ Config, s *store.Store) error {
		subject, err := s.RevokeToken(ctx, c.ID)
		if errors.Is(err, store.ErrNotFound) {
			return fmt.Errorf("there is no token with the id %.64q", c.ID)
		}
		if err != nil {
			return err
		}
		if err := s.Revoke(ctx, subject); err != nil {
			return err
		}
		fmt.Println("Revoked; a running portal cuts its connections within 2 seconds.")
		return nil
	})
}
