package store

import (
	"context"
	"fmt"

	"gorm.io/gorm"
)

// held is what is kept of a person, and of it what an export shows: everything but secrets, their hashes, and
// what only the database needs. A test sees that no table is forgotten.
var held = []struct{ name, columns, from string }{
	{"account", "id, username, created_at", "users WHERE id = ?"},
	{"logins", "id, method, address, agent, created_at, proved_at, last_used_at", "logins WHERE user_id = ?"},
	{"devices", "created_at", "known_devices WHERE user_id = ?"},
	{"email", "address, verified_at", "emails WHERE user_id = ?"},
	{"mails_with_links", "kind, address, created_at, expires_at", "mail_tokens WHERE user_id = ?"},
	{"authenticator_app", "created_at, confirmed_at", "one_time_codes WHERE user_id = ?"},
	{"passkeys", "id, name, created_at, last_used_at", "passkeys WHERE user_id = ?"},
	{"identities", "id, issuer, subject, name, created_at, last_used_at", "identities WHERE user_id = ?"},
	{"recovery_codes", "created_at", "recovery_codes WHERE user_id = ?"},
	{"cameras", "id, name, fingerprint, pinned_fingerprint, claimed_at, last_seen_at", "cameras WHERE owner_id = ?"},
	{"notices", "camera_id, kind, count, updated_at", "notices WHERE user_id = ?"},
	{"view_tokens", "id, camera_id, name, created_at, expires_at, last_used_at", "view_tokens WHERE user_id = ?"},
	{"groups", "id, name, created_at", "camera_groups WHERE owner_id = ?"},
	{"shares_given", "id, camera_id, group_id, name, by_link, invite_until, accepted_at, talk, hours, zone, created_at, expires_at",
		"shares WHERE owner_id = ?"},
	{"shares_received", "id, camera_id, group_id, accepted_at, talk, hours, zone, created_at, expires_at",
		"shares WHERE viewer_id = ?"},
	{"invitations", "id, camera_id, group_id, invite_until, created_at", "shares WHERE viewer_id IS NULL AND invitee_id = ?"},
	{"guest_links", "id, camera_id, name, created_at, expires_at", "guest_links WHERE owner_id = ?"},
	{"guests", "link_id, address, device, first_used_at, last_used_at, count",
		"guest_visits WHERE link_id IN (SELECT id FROM guest_links WHERE owner_id = ?)"},
	{"transfers_offered", "camera_id, to_name, created_at, expires_at", "transfers WHERE from_id = ?"},
	{"transfers_to_accept", "camera_id, created_at, expires_at", "transfers WHERE to_id = ?"},
	{"api_tokens", "id, name, scopes, created_at, expires_at, last_used_at", "api_tokens WHERE user_id = ?"},
	{"admin_of_the_portal", "added_at", "admins WHERE user_id = ?"},
	{"enrolment_tokens", "id, camera_id, created_at, expires_at", "enrolments WHERE user_id = ?"},
	{"webhooks", "id, url, created_at, last_at, last_error", "webhooks WHERE user_id = ?"},
	{"log", "at, camera_id, kind, actor_kind, actor, address, device, detail, session, seconds", "audit_log WHERE user_id = ?"},
}

// Export returns everything that is kept of a person, by what it is, without secrets.
func (s *Store) Export(ctx context.Context, userID int64) (map[string][]map[string]any, error) {
	all := map[string][]map[string]any{}
	err := s.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		for _, part := range held {
			rows := []map[string]any{}
			if err := tx.Raw("SELECT "+part.columns+" FROM "+part.from, userID).Scan(&rows).Error; err != nil {
				return fmt.Errorf("%s: %w", part.name, err)
			}
			for _, row := range rows {
				for column, value := range row {
					if text, ok := value.([]byte); ok {
						row[column] = string(text)
					}
				}
			}
			all[part.name] = rows
		}
		return nil
	})
	return all, err
}

// DeleteUser removes a person and everything that is kept of them. claims has the hash of a new claim code for
// each of their cameras: who it is given to can claim it. Whoever watches by any right of theirs is cut off.
func (s *Store) DeleteUser(ctx context.Context, userID int64, claims map[string][]byte) error {
	err := s.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		if err := lockUser(tx, userID); err != nil {
			return err
		}
		if err := releaseAll(tx, userID, claims); err != nil {
			return err
		}
		if err := revokeReach(tx, "s.viewer_id = ?", userID); err != nil {
			return err
		}
		if _, err := endLogins(tx, "user_id = ?", userID); err != nil {
			return err
		}
		if err := revokeAPITokens(tx, userID); err != nil {
			return err
		}
		// What others typed to invite this person has the name in it, and no key to the account.
		if err := tx.Where("invitee_id = ?", userID).Delete(&Share{}).Error; err != nil {
			return err
		}
		if err := tx.Where("to_id = ?", userID).Delete(&Transfer{}).Error; err != nil {
			return err
		}
		if err := EraseAudit(tx, "user_id = ?", userID); err != nil {
			return err
		}
		return one(tx.Delete(&User{}, userID)) // the rest goes with it, by its foreign keys
	})
	if err != nil {
		return err
	}
	return s.scrub(ctx)
}

// revokeAPITokens records the end of what programs may do for the person; the tokens go with the account.
func revokeAPITokens(tx *gorm.DB, userID int64) error {
	var tokens []APIToken
	if err := tx.Where("user_id = ?", userID).Find(&tokens).Error; err != nil {
		return err
	}
	for i := range tokens {
		if err := revoke(tx, tokens[i].Subject()); err != nil {
			return err
		}
	}
	return nil
}

// releaseAll frees the person's cameras.
func releaseAll(tx *gorm.DB, userID int64, claims map[string][]byte) error {
	var cameras []Camera
	if err := tx.Where("owner_id = ?", userID).Find(&cameras).Error; err != nil {
		return err
	}
	for _, camera := range cameras {
		hash, known := claims[camera.ID]
		if !known {
			return fmt.Errorf("camera %s was claimed meanwhile", camera.ID)
		}
		if err := handOver(tx, userID, camera.ID, released(hash)); err != nil {
			return err
		}
	}
	return nil
}

// released is what becomes of a camera that nobody owns any more.
func released(claimHash []byte) map[string]any {
	return map[string]any{
		"owner_id": nil, "claimed_at": nil, "name": "", "pinned_fingerprint": "", "last_seen_at": nil,
		"claim_hash": claimHash,
	}
}

// scrub empties SQLite's write-ahead log, which still has what was deleted; in the file itself deleted content is
// overwritten (secure_delete). Postgres does so by its own vacuum, in its own time.
func (s *Store) scrub(ctx context.Context) error {
	if !s.sqlite() {
		return nil
	}
	var result struct{ Busy, Log, Checkpointed int }
	if err := s.db.WithContext(ctx).Raw("PRAGMA wal_checkpoint(TRUNCATE)").Scan(&result).Error; err != nil {
		return fmt.Errorf("scrub: %w", err)
	}
	return nil // busy: the next checkpoint does it
}
