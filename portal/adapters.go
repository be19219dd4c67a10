package main

import (
	"context"
	"errors"
	"net/http"

	"seccam/pkg/credential"
	"seccam/portal/bridge"
	"seccam/portal/device"
	"seccam/portal/web"
)

// signals lets the web package use the hub without importing it.
type signals struct{ hub *bridge.Hub }

func (s signals) ServeSignals(w http.ResponseWriter, r *http.Request, login web.Login) {
	s.hub.Serve(w, r, bridge.Login(login))
}

// devices translates the one refusal of the device service for the web package.
type devices struct{ *device.Service }

func (d devices) Token(ctx context.Context, req credential.TokenRequest) (credential.TokenResponse, error) {
	response, err := d.Service.Token(ctx, req)
	if errors.Is(err, device.ErrRefused) {
		err = errors.Join(web.ErrDeviceRefused, err)
	}
	return response, err
}
