package mail

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/prometheus/client_golang/prometheus"
)

// Limits of the outbox.
const (
	waiting    = 256 // mails that wait to be written or sent
	senders    = 4   // at once
	retryFirst = 2 * time.Second
	retryMost  = 5 * time.Minute
	retryFor   = time.Hour
)

// Message is one mail: plain text, to one person.
type Message struct{ To, Subject, Text string }

// transport delivers one mail. An error that trying again does not help against is a backoff.PermanentError.
type transport func(ctx context.Context, m Message) error

// Outbox sends mails in the background.
type Outbox struct {
	cfg     Config
	deliver transport
	log     *slog.Logger
	queue   chan job
	retry   time.Duration // before the first new attempt

	mu           sync.Mutex
	sent, failed int
}

// job writes mails when its turn comes: what it looks up takes nobody's time, and tells nobody by the time it
// takes.
type job struct {
	what  string
	write func(ctx context.Context) ([]Message, error)
}

// New returns an outbox for a configuration that was validated.
func New(cfg Config, log *slog.Logger) (*Outbox, error) {
	o := &Outbox{cfg: cfg, log: log.With("in", "mail"), queue: make(chan job, waiting), retry: retryFirst}
	var err error
	switch cfg.Kind {
	case KindFile:
		o.deliver, err = fileTransport(cfg)
	case KindLog:
		o.deliver = o.toLog
	default:
		o.deliver, err = smtpTransport(cfg)
	}
	if err != nil {
		return nil, fmt.Errorf("mail: %w", err)
	}
	return o, nil
}

// Sends reports whether mails leave this machine.
func (o *Outbox) Sends() bool { return o.cfg.Sends() }

// Queue has mails written and sent. It does not block; what is about a mail goes to the log, what is in it
// does not.
func (o *Outbox) Queue(what string, write func(ctx context.Context) ([]Message, error)) {
	select {
	case o.queue <- job{what, write}:
	default:
		o.count(false)
		o.log.Error("a mail was dropped: too many are waiting", "mail", what)
	}
}

// Run sends until ctx ends, then says what was left.
func (o *Outbox) Run(ctx context.Context) error {
	if !o.Sends() {
		o.log.Warn("MAILS ARE NOT SENT: no mail server is configured (mail.kind)", "kind", o.cfg.Kind, "dir", o.cfg.Dir)
	}
	var group sync.WaitGroup
	for range senders {
		group.Go(func() { o.work(ctx) })
	}
	group.Wait()
	if n := len(o.queue); n > 0 {
		o.log.Error("mails were not sent: the portal ends", "count", n)
	}
	return nil
}

func (o *Outbox) work(ctx context.Context) {
	for {
		select {
		case j := <-o.queue:
			o.do(ctx, j)
		case <-ctx.Done():
			return
		}
	}
}

func (o *Outbox) do(ctx context.Context, j job) {
	list, err := j.write(ctx)
	if err != nil {
		o.count(false)
		o.log.Error("write mail", "mail", j.what, "error", err)
		return
	}
	for _, m := range list {
		o.send(ctx, j.what, m)
	}
}

func (o *Outbox) send(ctx context.Context, what string, m Message) {
	wait := backoff.NewExponentialBackOff()
	wait.InitialInterval, wait.MaxInterval = o.retry, retryMost
	_, err := backoff.Retry(ctx, func() (struct{}, error) { return struct{}{}, o.deliver(ctx, m) },
		backoff.WithBackOff(wait), backoff.WithMaxElapsedTime(retryFor),
		backoff.WithNotify(func(err error, next time.Duration) {
			o.log.Warn("mail not sent yet; trying again", "mail", what, "in", next.Round(time.Second), "error", err)
		}))
	o.count(err == nil)
	if err != nil {
		o.log.Error("mail not sent", "mail", what, "error", err)
		return
	}
	if o.Sends() {
		o.log.Info("mail sent", "mail", what)
	}
}

func (o *Outbox) count(ok bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if ok {
		o.sent++
	} else {
		o.failed++
	}
}

// toLog is for trying out: the mail's links are in the log.
func (o *Outbox) toLog(_ context.Context, m Message) error {
	o.log.Warn("a mail that is NOT SENT", "to", m.To, "subject", m.Subject, "text", m.Text)
	return nil
}

var mails = prometheus.NewDesc("seccam_mails_total", "Mails, by what became of them.", []string{"result"}, nil)

// Describe implements prometheus.Collector.
func (o *Outbox) Describe(out chan<- *prometheus.Desc) { out <- mails }

// Collect implements prometheus.Collector.
func (o *Outbox) Collect(out chan<- prometheus.Metric) {
	o.mu.Lock()
	defer o.mu.Unlock()
	out <- prometheus.MustNewConstMetric(mails, prometheus.CounterValue, float64(o.sent), "sent")
	out <- prometheus.MustNewConstMetric(mails, prometheus.CounterValue, float64(o.failed), "failed")
}
