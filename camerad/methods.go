package main

import (
	"context"
	"errors"
	"maps"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"seccam/camerad/network"
	"seccam/camerad/rpc"
	"seccam/pkg/signaling"
)

// errRestart ends the daemon to be started again: by systemd, whose unit has Restart=always.
var errRestart = errors.New("a restart was asked for")

// rpcMethods are what the camera can be asked by MQTT; see docs/diagnostics.md.
func (c *camera) rpcMethods() map[string]rpc.Method {
	const plain = `{"v":1}`
	ahead := func() time.Duration { return time.Until(c.portal.now()) }
	methods := map[string]rpc.Method{
		signaling.MethodSnapshot: rpc.Snapshots(c.portal.camera, snapshots{c.engine}, c.refusal),
		signaling.MethodPrivacy:  c.privacy.Call,
		signaling.MethodPing:     rpc.JSON(plain, c.ping),
		signaling.MethodLogs:     rpc.JSON(`{"v":1,"level":"info","since":0,"limit":50}`, c.book.Call(ahead)),
		signaling.MethodSelftest: rpc.JSON(plain, c.selftest),
		signaling.MethodConfig:   rpc.JSON(`{"v":1}, or {"v":1,"seq":1790000000000000,"values":{"video.fps":15}}`, c.adjust.keeper.Call),
		signaling.MethodRestart:  rpc.JSON(`{"v":1,"seq":1790000000000000,"what":"daemon"}`, c.restart),
	}
	methods[signaling.MethodInfo] = rpc.JSON(plain, func(context.Context, signaling.InfoRequest) (signaling.InfoReply, error) {
		return c.info(slices.Sorted(maps.Keys(methods))), nil
	})
	return methods
}

// ping also repeats the status: who asks whether the camera is there may have missed it.
func (c *camera) ping(context.Context, signaling.PingRequest) (signaling.PingReply, error) {
	c.link.changed()
	return signaling.PingReply{V: signaling.Version, At: c.portal.now().UnixMilli(), Boot: c.link.boot, Uptime: c.uptime()}, nil
}

func (c *camera) info(methods []string) signaling.InfoReply {
	status, rate := c.status(), c.engine.Stats().Rate
	info := signaling.InfoReply{
		V: signaling.Version, At: status.At, Camera: c.portal.camera, Version: status.Version,
		Go: runtime.Version(), System: runtime.GOOS + "/" + runtime.GOARCH, Model: model(),
		Boot: c.link.boot, Uptime: c.uptime(), Portal: c.portal.portal.String(), Fingerprint: c.portal.fingerprint,
		Source: status.Source, Picture: status.Picture, Detail: status.Detail, Width: rate.Width, Height: rate.Height,
		Viewers: status.Viewers, MaxViewers: c.manager.MaxViewers(), Connections: c.manager.Connections(),
		Addresses: []string{}, Methods: methods,
	}
	for _, address := range network.Addresses() {
		info.Addresses = append(info.Addresses, address.String())
	}
	return info
}

// model is what the board says it is; PCs do not.
func model() string {
	data, err := os.ReadFile("/proc/device-tree/model")
	if err != nil {
		return ""
	}
	return strings.TrimRight(string(data), "\x00\n")
}

// restart begins anew. The daemon's answer is sent before it ends.
func (c *camera) restart(_ context.Context, request signaling.RestartRequest) (signaling.RestartReply, error) {
	reply := signaling.RestartReply{V: signaling.Version, What: request.What}
	if request.What != signaling.RestartDaemon && request.What != signaling.RestartSource {
		return reply, &signaling.Error{Code: signaling.CodeBadMessage, Message: "What can be restarted is daemon or source. Nothing was done."}
	}
	if err := c.restarts.Admit(request.Seq); err != nil {
		return reply, err
	}
	c.log.Warn("restart was asked for by MQTT", "what", request.What)
	switch {
	case request.What == signaling.RestartDaemon:
		reply.Text = "camerad restarts. The camera is back within seconds."
		c.event(signaling.EventRestart, "camerad restarts: it was asked to")
		c.restartDaemon()
	case c.engine.Restart():
		reply.Text = "The source is opened anew."
		c.event(signaling.EventRestart, "the source is opened anew: it was asked for")
	default:
		reply.Text = "The source rests; the next viewer opens it anew."
	}
	return reply, nil
}

// restartDaemon ends camerad, to be started again.
func (c *camera) restartDaemon() {
	c.link.reason.Store(signaling.OfflineRestart)
	c.end(errRestart)
}
