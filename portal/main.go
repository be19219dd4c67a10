// Portal is the web server of SecCam: accounts, camera pages, the bridge from browsers to MQTT, and
// by default the embedded broker.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
)

// release is set by the build: -ldflags "-X main.release=…".
var release = "dev"

// commands is the command line; each command's Run is beside its code.
type commands struct {
	Config string `short:"c" placeholder:"FILE" help:"Configuration file; configs/portal.yml documents every key. Each key can be overridden by SECCAM_<KEY>."`

	Serve      serveCommand      `cmd:"" default:"1" help:"Serve the portal until SIGINT or SIGTERM."`
	Cameras    camerasCommand    `cmd:"" help:"Provision, list, revoke and export cameras."`
	MQTTToken  mqttTokenCommand  `cmd:"" name:"mqtt-token" help:"Print a token for MQTT tools such as mosquitto_sub; without --rpc, --snapshot, --restart or --configure it only reads."`
	AdminToken adminTokenCommand `cmd:"" name:"admin-token" help:"Print a token for programs that administer the fleet by the API."`
	Backup     backupCommand     `cmd:"" help:"Write all that the portal keeps into a file, while it runs."`
	Restore    restoreCommand    `cmd:"" help:"Put a backup in place, while no portal runs."`
	Admins     adminsCommand     `cmd:"" help:"Say who may see all cameras, but no picture, on the page /admin."`
	Demo       demoCommand       `cmd:"" help:"Try everything on this machine: portal, broker and one camera."`
	Version    versionCommand    `cmd:"" help:"Print the version."`
}

func main() {
	var cli commands
	parsed := kong.Parse(&cli, kong.Name("portal"), kong.UsageOnError(),
		kong.Description("The web server of SecCam: sign up, claim a camera, watch it live."))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	parsed.BindTo(ctx, (*context.Context)(nil))
	err := parsed.Run(&cli)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "portal:", err)
		os.Exit(1)
	}
}

type versionCommand struct{}

// Run prints the version.
func (versionCommand) Run() error {
	fmt.Println(release)
	return nil
}
