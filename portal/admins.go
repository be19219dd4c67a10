package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"text/tabwriter"

	"seccam/portal/fleet"
	"seccam/portal/store"
)

type adminsCommand struct {
	Add    addAdminCommand    `cmd:"" help:"Let a person see all cameras, but no picture, on the page /admin."`
	Remove removeAdminCommand `cmd:"" help:"Let a person see only their own cameras again."`
	List   listAdminsCommand  `cmd:"" help:"List them."`
}

type addAdminCommand struct {
	User string `arg:"" help:"Their user name."`
}

// Run makes a person an admin.
func (c *addAdminCommand) Run(ctx context.Context, cli *commands) error {
	return withFleet(ctx, cli, func(_ Config, f *fleet.Service) error {
		err := f.AddAdmin(ctx, c.User)
		if errors.Is(err, store.ErrNotFound) {
			return fmt.Errorf("there is no person %.64q whose sign-up is finished", c.User)
		}
		if err == nil {
			fmt.Println("They see all cameras at /admin now, once they have a second factor.")
		}
		return err
	})
}

type removeAdminCommand struct {
	User string `arg:"" help:"Their user name."`
}

// Run makes a person no admin any more.
func (c *removeAdminCommand) Run(ctx context.Context, cli *commands) error {
	return withFleet(ctx, cli, func(_ Config, f *fleet.Service) error {
		err := f.RemoveAdmin(ctx, c.User)
		if errors.Is(err, store.ErrNotFound) {
			return fmt.Errorf("%.64q is no admin; see: portal admins list", c.User)
		}
		if err == nil {
			fmt.Println("They see only their own cameras now.")
		}
		return err
	})
}

type listAdminsCommand struct{}

// Run lists the admins.
func (listAdminsCommand) Run(ctx context.Context, cli *commands) error {
	return withFleet(ctx, cli, func(_ Config, f *fleet.Service) error {
		admins, err := f.Admins(ctx)
		if err != nil {
			return err
		}
		if len(admins) == 0 {
			fmt.Println("Nobody sees all cameras. Let somebody with: portal admins add USER")
			return nil
		}
		table := tabwriter.NewWriter(os.Stdout, 0, 4, 2, ' ', 0)
		fmt.Fprintln(table, "USER\tSINCE")
		for _, a := range admins {
			fmt.Fprintf(table, "%s\t%s\n", a.Username, shownTime(&a.AddedAt))
		}
		return table.Flush()
	})
}
