package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"seccam/portal/fleet"
	"seccam/portal/store"
)

// fleetFlags choose cameras.
type fleetFlags struct {
	Search  string        `placeholder:"TEXT" help:"Only those whose id, batch or owner's name begins with this."`
	Batch   string        `help:"Only those of this batch."`
	Claimed *bool         `negatable:"" help:"Only those that have an owner; --no-claimed for those that have none."`
	Revoked *bool         `negatable:"" help:"Only those whose key was revoked; --no-revoked for the others."`
	Online  *bool         `negatable:"" help:"Only those that are online; --no-online for the others."`
	Version string        `help:"Only those that run this version of camerad."`
	Seen    time.Duration `placeholder:"TIME" help:"Only those heard from within this time, such as 24h."`
	Unseen  time.Duration `placeholder:"TIME" help:"Only those not heard from within this time."`
}

func (c *fleetFlags) filter() store.FleetFilter {
	f := store.FleetFilter{Query: c.Search, Batch: c.Batch, Claimed: c.Claimed, Revoked: c.Revoked, Online: c.Online, Version: c.Version}
	if c.Seen > 0 {
		f.SeenSince = time.Now().Add(-c.Seen)
	}
	if c.Unseen > 0 {
		f.NotSeenSince = time.Now().Add(-c.Unseen)
	}
	return f
}

type listCommand struct {
	fleetFlags
	Sort  string `default:"added" enum:"added,id,batch,owner,claimed,seen,version" help:"Order by added, id, batch, owner, claimed, seen or version; what is empty comes last."`
	Desc  bool   `help:"The other way round."`
	Limit int    `default:"100" help:"How many a page has; 0 is all."`
	Page  int    `default:"1" help:"Which page."`
	JSON  bool   `name:"json" help:"Print JSON."`
}

// Run lists cameras.
func (c *listCommand) Run(ctx context.Context, cli *commands) error {
	if c.Limit < 0 || c.Page < 1 {
		return fmt.Errorf("--limit must be at least 0 and --page at least 1")
	}
	return withFleet(ctx, cli, func(_ Config, s *fleet.Service) error {
		f := c.filter()
		f.Sort, f.Descending, f.Limit, f.Offset = c.Sort, c.Desc, c.Limit, (c.Page-1)*c.Limit
		cameras, total, err := s.List(ctx, f)
		if err != nil {
			return err
		}
		if c.JSON {
			return printJSON(map[string]any{"cameras": cameras, "total": total})
		}
		return c.print(cameras, total)
	})
}

func (c *listCommand) print(cameras []fleet.Camera, total int64) error {
	switch {
	case total == 0 && c.fleetFlags == fleetFlags{}:
		fmt.Println("No cameras yet. Add one with: portal cameras provision --out DIR")
		return nil
	case total == 0:
		fmt.Println("No camera is like that.")
		return nil
	}
	table := tabwriter.NewWriter(os.Stdout, 0, 4, 2, ' ', 0)
	fmt.Fprintln(table, "ID\tBATCH\tOWNER\tKEY\tVERSION\tLAST SEEN")
	for _, camera := range cameras {
		key := fmt.Sprint(camera.KeyVersion)
		if camera.RevokedAt != nil {
			key = "revoked"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\n", camera.ID, dash(camera.Batch), dash(camera.Owner), key, dash(camera.Version), shownTime(camera.LastSeenAt))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if first := (c.Page-1)*c.Limit + 1; int64(len(cameras)) < total {
		fmt.Printf("%d to %d of %d; --page %d shows more.\n", first, first+len(cameras)-1, total, c.Page+1)
	}
	return nil
}

func dash(text string) string {
	if strings.TrimSpace(text) == "" {
		return "-"
	}
	return text
}
