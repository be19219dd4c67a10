package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/user"
	"text/tabwriter"
	"time"

	"seccam/portal/fleet"
	"seccam/portal/store"
)

type adminTokenCommand struct {
	Create createAdminTokenCommand `cmd:"" default:"withargs" help:"Print a new token."`
	List   listAdminTokensCommand  `cmd:"" help:"List the tokens."`
	Revoke revokeAdminTokenCommand `cmd:"" help:"End a token, at once."`
}

type createAdminTokenCommand struct {
	Scope []string      `required:"" sep:"," placeholder:"SCOPE" help:"What it may do, with commas between: fleet:read (list and export cameras), fleet:provision (add cameras), fleet:keys (revoke and replace keys), fleet:log (read what was done)."`
	TTL   time.Duration `name:"ttl" default:"720h" help:"How long it holds, at most 8784h."`
	Name  string        `required:"" help:"What it is for; it stands in the log beside what is done by it."`
}

// Run prints a token.
func (c *createAdminTokenCommand) Run(ctx context.Context, cli *commands) error {
	return withFleet(ctx, cli, func(_ Config, f *fleet.Service) error {
		token, secret, err := f.CreateToken(ctx, c.Name, c.Scope, c.TTL)
		if err != nil {
			return err
		}
		fmt.Printf("id:       %s\nscopes:   %s\nexpires:  %s\ntoken:    %s\n\nIt is shown only now. Programs send it as: Authorization: Bearer TOKEN\n",
			token.ID, token.Scopes, token.ExpiresAt.Local().Format(time.DateTime), secret)
		return nil
	})
}

type listAdminTokensCommand struct{}

// Run lists the tokens.
func (listAdminTokensCommand) Run(ctx context.Context, cli *commands) error {
	return withFleet(ctx, cli, func(_ Config, f *fleet.Service) error {
		tokens, err := f.Tokens(ctx)
		if err != nil {
			return err
		}
		if len(tokens) == 0 {
			fmt.Println("No admin tokens. Make one with: portal admin-token --scope fleet:read --name NAME")
			return nil
		}
		table := tabwriter.NewWriter(os.Stdout, 0, 4, 2, ' ', 0)
		fmt.Fprintln(table, "ID\tNAME\tSCOPES\tEXPIRES\tLAST USED")
		for _, t := range tokens {
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", t.ID, t.Name, t.Scopes, shownTime(&t.ExpiresAt), shownTime(t.LastUsedAt))
		}
		return table.Flush()
	})
}

type revokeAdminTokenCommand struct {
	ID string `arg:"" help:"The id that was printed with the token."`
}

// Run ends a token.
func (c *revokeAdminTokenCommand) Run(ctx context.Context, cli *commands) error {
	return withFleet(ctx, cli, func(_ Config, f *fleet.Service) error {
		err := f.RevokeToken(ctx, c.ID)
		if errors.Is(err, store.ErrNotFound) {
			return fmt.Errorf("there is no admin token with the id %.64q; see: portal admin-token list", c.ID)
		}
		if err == nil {
			fmt.Println("Revoked: nothing can be done by it any more.")
		}
		return err
	})
}

// commandLine is who does what is done by a command.
func commandLine() store.Operator {
	name := "command line"
	if who, err := user.Current(); err == nil {
		name += " as " + who.Username
	}
	return store.Operator{Name: name}
}
