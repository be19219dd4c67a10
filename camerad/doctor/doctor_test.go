package doctor

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"seccam/pkg/signaling"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func finds(f Finding) func(context.Context) Finding {
	return func(context.Context) Finding { return f }
}

func TestRunInTheOrderOfTheList(t *testing.T) {
	release := make(chan struct{})
	checks := []Check{
		{Name: "slow", Timeout: time.Minute, Look: func(context.Context) Finding {
			<-release // by a later one: they run side by side
			return OK("seen")
		}},
		{Name: "warns", Timeout: time.Minute, Look: func(context.Context) Finding {
			close(release)
			return Warn("do this", "%d of %d", 1, 2)
		}},
		{Name: "after warning", Needs: []string{"slow", "warns"}, Timeout: time.Minute, Look: finds(OK("went on"))},
	}
	var told []string
	all, worst := Run(t.Context(), checks, func(c signaling.Check) { told = append(told, c.Name) })
	require.Equal(t, []string{"slow", "warns", "after warning"}, told)
	require.Equal(t, signaling.CheckWarn, worst)
	require.Equal(t, signaling.Check{Name: "warns", Result: signaling.CheckWarn, Seen: "1 of 2", Next: "do this"}, all[1])
	require.Equal(t, signaling.CheckOK, all[2].Result)
}

func TestWhatNeedsAFailedCheckIsSkipped(t *testing.T) {
	panics := func(context.Context) Finding { panic("nil map") }
	never := func(context.Context) Finding { t.Error("it was looked at"); return Finding{} }
	all, worst := Run(t.Context(), []Check{
		{Name: "dns", Timeout: time.Minute, Look: finds(Fail("plug it in", "no network"))},
		{Name: "portal", Needs: []string{"dns"}, Timeout: time.Minute, Look: never},
		{Name: "key", Needs: []string{"portal"}, Timeout: time.Minute, Look: never},
		{Name: "disk", Timeout: time.Minute, Look: panics},
	}, func(signaling.Check) {})
	require.Equal(t, signaling.CheckFail, worst)
	require.Equal(t, signaling.CheckSkipped, all[1].Result)
	require.Equal(t, `because of "dns"`, all[1].Seen)
	require.Equal(t, `because of "portal"`, all[2].Seen)
	require.Equal(t, signaling.CheckFail, all[3].Result)
	require.Contains(t, all[3].Seen, "nil map")

	_, worst = Run(t.Context(), []Check{{Name: "a", Timeout: time.Minute, Look: finds(Skipped("x"))}}, func(signaling.Check) {})
	require.Equal(t, signaling.CheckOK, worst)
}

func TestACheckHasItsTime(t *testing.T) {
	all, _ := Run(t.Context(), []Check{{Name: "hangs", Timeout: time.Millisecond, Look: func(ctx context.Context) Finding {
		<-ctx.Done()
		return Fail("try again", "%v", ctx.Err())
	}}}, func(signaling.Check) {})
	require.Equal(t, "context deadline exceeded", all[0].Seen)
}
