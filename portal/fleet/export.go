package fleet

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"seccam/portal/spreadsheet"
	"seccam/portal/store"
)

// Formats are what [Service.Export] writes.
var Formats = []string{"csv", "jsonl"}

// exportPage is how many cameras are held at a time.
const exportPage = 1000

// Export writes every camera that a filter chooses, by id.
func (s *Service) Export(ctx context.Context, to io.Writer, format string, f store.FleetFilter) error {
	var write func(Camera) error
	table := csv.NewWriter(to)
	switch format {
	case "csv":
		_ = table.Write([]string{"id", "batch", "owner", "key_version", "revoked_at", "fingerprint", "added_at", "claimed_at", "last_seen_at", "version"})
		write = func(c Camera) error { return table.Write(c.row()) }
	case "jsonl":
		lines := json.NewEncoder(to)
		write = func(c Camera) error { return lines.Encode(c) }
	default:
		return fmt.Errorf("there is no format %.20q; choose one of %s", format, strings.Join(Formats, ", "))
	}
	if err := s.store.RecordAdmin(ctx, s.by, store.AdminExported, format); err != nil {
		return err
	}
	f = s.judged(f)
	f.Limit, f.Offset, f.After = exportPage, 0, "0" // no id is less: they are 20 characters long
	for {
		rows, err := s.store.Fleet(ctx, f)
		if err != nil {
			return err
		}
		for i := range rows {
			if err := write(newCamera(&rows[i])); err != nil {
				return err
			}
			f.After = rows[i].ID
		}
		if len(rows) < exportPage {
			table.Flush()
			return table.Error()
		}
	}
}

func (c Camera) row() []string {
	at := func(t *time.Time) string {
		if t == nil {
			return ""
		}
		return t.Format(time.RFC3339)
	}
	return spreadsheet.Row(c.ID, c.Batch, c.Owner, strconv.Itoa(c.KeyVersion), at(c.RevokedAt), c.Fingerprint,
		at(&c.AddedAt), at(c.ClaimedAt), at(c.LastSeenAt), c.Version)
}
