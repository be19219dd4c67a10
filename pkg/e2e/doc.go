// Package e2e holds tests only: it builds and starts the real portal and camerad, and uses them as
// people and attackers do, through Chromium, WebSockets, the HTTP API, and MQTT tools.
package e2e
