package mqttclient

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// takeOverTimeout bounds how long it is tried to reach a broker's node.
const takeOverTimeout = 5 * time.Second

// TakeOver ends whoever is connected by the credential's client id: it connects by that itself, to each of the
// broker's addresses, since not every cluster ends a session at another node, and leaves again. The broker tells the
// other one (MQTT 5, 3.1.4-3). Brokers that are not ours have no better way in common.
func TakeOver(ctx context.Context, cred Credential, trust *tls.Config) error {
	failures := make([]error, len(cred.URLs))
	var all sync.WaitGroup
	for i, address := range cred.URLs {
		all.Go(func() {
			at := cred
			at.URLs = []string{address}
			if err := takeOver(ctx, at, trust); err != nil {
				failures[i] = fmt.Errorf("%s: %w", address, err)
			}
		})
	}
	all.Wait()
	return errors.Join(failures...)
}

func takeOver(ctx context.Context, cred Credential, trust *tls.Config) error {
	ctx, cancel := context.WithTimeout(ctx, takeOverTimeout)
	defer cancel()
	var connected atomic.Bool
	var last atomic.Pointer[error]
	client, err := New(Config{
		Credentials: func(context.Context) (Credential, error) { return cred, nil },
		OnUp:        func(context.Context) { connected.Store(true); cancel() },
		OnDown:      func(err error) { last.Store(&err) },
		TLS:         trust, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return err
	}
	if err := client.Run(ctx); err != nil || connected.Load() {
		return err
	}
	if why := last.Load(); why != nil {
		return *why
	}
	return ctx.Err()
}
