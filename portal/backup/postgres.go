package backup

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// dump has pg_dump write a database to a file, as it is at one moment.
func dump(ctx context.Context, database, to string) error {
	return run(ctx, "pg_dump", database, "--format=custom", "--no-owner", "--no-privileges", "--file="+to)
}

// empty removes what a portal of any release has made: what a newer one has added is not in the backup, and would be
// in the way of its migrations.
const empty = `DO $$
DECLARE thing record;
BEGIN
    FOR thing IN SELECT tablename AS name FROM pg_tables WHERE schemaname = current_schema() LOOP
        EXECUTE format('DROP TABLE %I CASCADE', thing.name);
    END LOOP;
    FOR thing IN SELECT p.oid::regprocedure AS name FROM pg_proc p WHERE p.pronamespace = current_schema()::regnamespace
        AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e') LOOP
        EXECUTE format('DROP FUNCTION %s CASCADE', thing.name);
    END LOOP;
END
$$;
`

// load replaces what is in a database by a dump, in one transaction.
func load(ctx context.Context, database, from string) error {
	script := from + ".sql"
	if err := run(ctx, "pg_restore", "", "--no-owner", "--no-privileges", "--file="+script, from); err != nil {
		return err
	}
	before := from + "-before.sql"
	if err := os.WriteFile(before, []byte(empty), 0o600); err != nil {
		return err
	}
	return run(ctx, "psql", database, "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--single-transaction", "--file="+before, "--file="+script)
}

// checkDump has pg_restore read a dump's table of contents.
func checkDump(ctx context.Context, file string) error {
	return run(ctx, "pg_restore", "", "--list", file)
}

// run runs one of PostgreSQL's programs. The password is not among the arguments, which every process can see.
func run(ctx context.Context, program, database string, args ...string) error {
	path, err := find(program)
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Env = os.Environ()
	if database != "" {
		address, err := url.Parse(database)
		if err != nil {
			return fmt.Errorf("database: %w", err)
		}
		if password, set := address.User.Password(); set {
			cmd.Env = append(cmd.Env, "PGPASSWORD="+password)
			address.User = url.User(address.User.Username())
		}
		cmd.Args = append(cmd.Args, "--dbname="+address.String())
	}
	if output, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", program, err, strings.TrimSpace(string(output)))
	}
	return nil
}

// find looks where Debian has the programs of each version.
func find(program string) (string, error) {
	if path, err := exec.LookPath(program); err == nil {
		return path, nil
	}
	versions, err := filepath.Glob(filepath.Join("/usr/lib/postgresql", "*", "bin", program))
	if err == nil && len(versions) > 0 {
		return versions[len(versions)-1], nil
	}
	return "", fmt.Errorf("%s is not installed: apt-get install postgresql-client, of the server's version or a newer one", program)
}
