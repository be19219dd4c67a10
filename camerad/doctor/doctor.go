// Package doctor checks what a camera needs, from the device's clock to an allocation at a relay, and says of
// each what was seen and what to do next. "camerad doctor" prints what it finds, and the method "selftest"
// answers with it.
//
// The checks run side by side, each after those that it needs: where one failed, what needs it is skipped and
// says so, since a name that is not found makes ten more complaints worthless.
package doctor

import (
	"context"
	"fmt"
	"time"

	"seccam/pkg/signaling"
)

// Check is one thing to look at.
type Check struct {
	Name    string
	Needs   []string // checks before it in the list; it is skipped unless all of them came out ok or with a warning
	Timeout time.Duration
	Look    func(ctx context.Context) Finding
}

// Finding is what a check has seen.
type Finding struct {
	Result signaling.CheckResult
	Seen   string
	Next   string // what to do; empty if it is well
}

// OK is a finding of something that is well.
func OK(format string, args ...any) Finding {
	return Finding{Result: signaling.CheckOK, Seen: fmt.Sprintf(format, args...)}
}

// Skipped is a finding of something that could not be looked at.
func Skipped(format string, args ...any) Finding {
	return Finding{Result: signaling.CheckSkipped, Seen: fmt.Sprintf(format, args...)}
}

// Warn is a finding of something that works, and should not stay so.
func Warn(next, format string, args ...any) Finding {
	return Finding{Result: signaling.CheckWarn, Seen: fmt.Sprintf(format, args...), Next: next}
}

// Fail is a finding of something that does not work.
func Fail(next, format string, args ...any) Finding {
	return Finding{Result: signaling.CheckFail, Seen: fmt.Sprintf(format, args...), Next: next}
}

// state is a check that runs or has run.
type state struct {
	done    chan struct{}
	finding Finding
}

// Run looks at everything and tells each of the outcome, in the order of the list. It returns all of them
// and the worst result.
func Run(ctx context.Context, checks []Check, tell func(signaling.Check)) ([]signaling.Check, signaling.CheckResult) {
	states := map[string]*state{}
	for _, check := range checks {
		s := &state{done: make(chan struct{})}
		needed := make(map[string]*state, len(check.Needs))
		for _, name := range check.Needs {
			needed[name] = states[name]
		}
		states[check.Name] = s
		go func() {
			defer close(s.done)
			s.finding = examine(ctx, check, needed)
		}()
	}
	all, worst := make([]signaling.Check, 0, len(checks)), signaling.CheckOK
	for _, check := range checks {
		s := states[check.Name]
		<-s.done
		found := signaling.Check{Name: check.Name, Result: s.finding.Result, Seen: s.finding.Seen, Next: s.finding.Next}
		tell(found)
		all = append(all, found)
		if badness(found.Result) > badness(worst) {
			worst = found.Result
		}
	}
	return all, worst
}

// badness orders results. What was skipped is no worse than what is well: what it needed says what is wrong.
func badness(r signaling.CheckResult) int {
	switch r {
	case signaling.CheckFail:
		return 2
	case signaling.CheckWarn:
		return 1
	}
	return 0
}

// examine looks once all that is needed was seen to work. A check that panics has failed, and no other.
func examine(ctx context.Context, check Check, needed map[string]*state) (found Finding) {
	for _, name := range check.Needs {
		s := needed[name]
		<-s.done
		if s.finding.Result == signaling.CheckFail || s.finding.Result == signaling.CheckSkipped {
			return Skipped("because of %q", name)
		}
	}
	defer func() {
		if p := recover(); p != nil {
			found = Fail("Report this as a mistake of camerad's.", "the check itself failed: %v", p)
		}
	}()
	ctx, cancel := context.WithTimeout(ctx, check.Timeout)
	defer cancel()
	return check.Look(ctx)
}
