package relay

import (
	"fmt"
	"log/slog"

	"github.com/pion/logging"
)

// quietLog has pion log at debug level: clients choose how often pion sees an error, and its lines hold
// user names.
type quietLog struct{ log *slog.Logger }

// NewLogger implements logging.LoggerFactory.
func (q quietLog) NewLogger(string) logging.LeveledLogger { return quiet(q) }

// quiet implements logging.LeveledLogger. What pion says of each packet is not even formatted.
type quiet struct{ log *slog.Logger }

func (quiet) Trace(string)          {}
func (quiet) Tracef(string, ...any) {}
func (quiet) Debug(string)          {}
func (quiet) Debugf(string, ...any) {}
func (quiet) Info(string)           {}
func (quiet) Infof(string, ...any)  {}

func (q quiet) Warn(text string)                  { q.log.Debug("turn: " + text) }
func (q quiet) Warnf(format string, args ...any)  { q.Warn(fmt.Sprintf(format, args...)) }
func (q quiet) Error(text string)                 { q.Warn(text) }
func (q quiet) Errorf(format string, args ...any) { q.Warnf(format, args...) }
