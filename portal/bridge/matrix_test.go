package bridge

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"seccam/pkg/doccheck"
	"seccam/pkg/signaling"
	"seccam/portal/account"
	"seccam/portal/store"
)

const (
	passed  = "✓" // to the camera
	refused = string(signaling.CodeNotFound)
	closed  = string(signaling.CodeUnauthorised)
	pending = string(signaling.CodePending)
	not     = string(signaling.CodeBadMessage)
)

// matrixRoles are who speaks on the WebSocket: the columns of the table.
var matrixRoles = []string{"pending", "stranger", "outside hours", "viewer", "owner", "guest", "guest of another camera"}

// matrixTypes are what becomes of each type of message about a camera.
var matrixTypes = []struct {
	kind signaling.Type
	want []string
}{
	//                       pending stranger outside viewer  owner   guest   other guest
	{signaling.TypeOffer, []string{pending, refused, closed, passed, passed, passed, refused}},
	{signaling.TypeCandidate, []string{pending, refused, closed, passed, passed, passed, refused}},
	{signaling.TypeBye, []string{pending, refused, closed, passed, passed, passed, refused}},
	{signaling.TypeAnswer, []string{pending, not, not, not, not, not, not}},
	{signaling.TypeRestart, []string{pending, not, not, not, not, not, not}},
	{signaling.TypeError, []string{pending, not, not, not, not, not, not}},
	{signaling.TypeWelcome, []string{pending, not, not, not, not, not, not}},
	{signaling.TypeStatus, []string{pending, not, not, not, not, not, not}},
}

// matrixLogin is a role's login, and what the accounts say of it.
func matrixLogin(b *bench, role string) Login {
	b.cfg.Accounts = &fakeAccounts{
		cameras: func(int64) ([]store.Camera, error) { return nil, nil },
		access: func(int64, string) (account.Access, error) {
			access := account.Access{Camera: &store.Camera{ID: ownersDoor}, Role: signaling.RoleViewer}
			switch role {
			case "stranger":
				return access, store.ErrNotFound
			case "outside hours":
				return access, &account.OutsideHoursError{Opens: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)}
			case "owner":
				access.Role = signaling.RoleOwner
			}
			return access, nil
		},
	}
	l := login(owner)
	l.Pending = role == "pending"
	if strings.HasPrefix(role, "guest") {
		camera := ownersDoor
		if role != "guest" {
			camera = ownersYard
		}
		l.Guest = "guest-1"
		l.Access = func(context.Context) (account.Access, error) {
			return account.Access{Camera: &store.Camera{ID: camera}, Role: signaling.RoleViewer}, nil
		}
	}
	return l
}

func TestMatrixOfMessages(t *testing.T) {
	examples := map[signaling.Type]signaling.Message{
		signaling.TypeOffer: {SDP: sdp}, signaling.TypeAnswer: {SDP: sdp}, signaling.TypeCandidate: {Candidate: &signaling.Candidate{}},
		signaling.TypeBye: {Reason: signaling.ReasonLeft}, signaling.TypeError: {Error: &signaling.Error{Code: signaling.CodeBusy, Message: "x"}},
		signaling.TypeStatus: {Presence: &signaling.Presence{State: signaling.StateOnline, Text: "x"}},
	}
	for _, row := range matrixTypes {
		for i, role := range matrixRoles {
			inBubble(t, func(t *testing.T, b *bench) {
				p := b.dial(matrixLogin(b, role), "")
				go p.read()
				for _, m := range p.received() {
					if m.Type == signaling.TypeWelcome {
						p.viewer = m.Viewer
					}
				}
				m := examples[row.kind]
				m.Type, m.Session, m.Camera = row.kind, p.viewer.Session(1), ownersDoor
				if row.kind == signaling.TypeWelcome {
					m.Viewer, m.Session = p.viewer, ""
				}
				p.send(m)
				got := ""
				for _, s := range b.published() {
					require.Equal(t, ownersDoor, s.topic.Camera)
					got = passed
				}
				for _, answer := range p.received() {
					if answer.Error != nil {
						got += string(answer.Error.Code)
					}
				}
				require.Equal(t, row.want[i], got, "%s as %s", row.kind, role)
			})
		}
	}
}

// TestMatrixIsInTheDocs compares the table in docs/access.md; `go test -run InTheDocs -update` writes it.
func TestMatrixIsInTheDocs(t *testing.T) {
	var table bytes.Buffer
	fmt.Fprintf(&table, "| message | %s |\n|---|%s\n", strings.Join(matrixRoles, " | "), strings.Repeat("---|", len(matrixRoles)))
	for _, row := range matrixTypes {
		fmt.Fprintf(&table, "| `%s` | %s |\n", row.kind, strings.Join(row.want, " | "))
	}
	doccheck.Section(t, "../../docs/access.md", "messages", table.String())
}
