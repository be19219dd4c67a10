package storetest

import (
	"bufio"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"

	_ "github.com/jackc/pgx/v5/stdlib" // as gorm's driver does
)

// ErrMissing means that Debian's PostgreSQL is not installed.
var ErrMissing = errors.New("PostgreSQL is not installed: .ci/deps test installs it")

// Postgres is a server of one's own, reached by a UNIX socket only. What it keeps is worth nothing after a crash
// of the machine: it never waits for the disk.
type Postgres struct {
	dir   string
	cmd   *exec.Cmd
	done  chan struct{}
	admin *sql.DB
	made  atomic.Int64
}

// StartPostgres starts a server that ends with this process at the latest. It returns [ErrMissing] where there is
// none to start.
func StartPostgres() (_ *Postgres, err error) {
	binaries, err := filepath.Glob("/usr/lib/postgresql/*/bin")
	if err != nil || len(binaries) == 0 {
		return nil, ErrMissing
	}
	bin := binaries[len(binaries)-1]
	dir, err := os.MkdirTemp("", "seccam-pg-") // short: a socket's path has at most 107 bytes
	if err != nil {
		return nil, err
	}
	p := &Postgres{dir: dir, done: make(chan struct{})}
	defer func() {
		if err != nil {
			_ = os.RemoveAll(dir)
		}
	}()
	attr, err := unprivileged(dir)
	if err != nil {
		return nil, err
	}
	initdb := exec.Command(filepath.Join(bin, "initdb"), "-D", filepath.Join(dir, "data"), "-U", "seccam", "--auth=trust", "--no-sync",
		"--encoding=UTF8", "--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=en")
	initdb.SysProcAttr, initdb.Dir = attr, dir
	if output, err := initdb.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w: %s", err, output)
	}
	return p, p.start(filepath.Join(bin, "postgres"), attr)
}

// unprivileged is how a server is started that refuses to run as root; dir becomes its user's.
func unprivileged(dir string) (*syscall.SysProcAttr, error) {
	attr := &syscall.SysProcAttr{Pdeathsig: syscall.SIGQUIT}
	if os.Geteuid() != 0 {
		return attr, nil
	}
	account, err := user.Lookup("postgres") // the package has made it
	if err != nil {
		return nil, err
	}
	uid, uidErr := strconv.ParseUint(account.Uid, 10, 32)
	gid, gidErr := strconv.ParseUint(account.Gid, 10, 32)
	if err := errors.Join(uidErr, gidErr); err != nil {
		return nil, err
	}
	attr.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	return attr, os.Chown(dir, int(uid), int(gid))
}

// start returns when the server takes connections.
func (p *Postgres) start(binary string, attr *syscall.SysProcAttr) error {
	p.cmd = exec.Command(binary, "-D", filepath.Join(p.dir, "data"), "-c", "listen_addresses=", "-c", "unix_socket_directories="+p.dir,
		"-c", "fsync=off", "-c", "full_page_writes=off", "-c", "max_connections=300", "-c", "shared_buffers=32MB",
		"-c", "timezone=Pacific/Chatham", "-c", "deadlock_timeout=100ms", "-c", "lc_messages=C")
	p.cmd.SysProcAttr, p.cmd.Dir = attr, p.dir
	log, err := p.cmd.StderrPipe()
	if err != nil {
		return err
	}
	started, ready := make(chan error, 1), make(chan error, 1)
	go func() {
		// The kernel ends the child when the thread that began it does: so this one stays.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := p.cmd.Start()
		started <- err
		if err == nil {
			p.follow(log, ready)
			_ = p.cmd.Wait()
		}
		close(p.done)
	}()
	if err := <-started; err != nil {
		return err
	}
	if err := <-ready; err != nil {
		return err
	}
	p.admin, err = sql.Open("pgx", p.URL("postgres"))
	return err
}

// follow reads the server's log to its end, and says when it is ready, or why it never was.
func (p *Postgres) follow(log io.Reader, ready chan<- error) {
	said, lines := false, []string{}
	scanner := bufio.NewScanner(log)
	for scanner.Scan() {
		if said {
			continue
		}
		lines = append(lines, scanner.Text())
		if strings.Contains(scanner.Text(), "ready to accept connections") {
			said = true
			ready <- nil
		}
	}
	if !said {
		ready <- fmt.Errorf("postgres ended: %s", strings.Join(lines, "\n"))
	}
}

// URL is the address of one of the server's databases.
func (p *Postgres) URL(database string) string {
	return "postgres://seccam@/" + database + "?host=" + url.QueryEscape(p.dir)
}

// Create makes a database, a copy of another one unless template is "", and returns its name.
func (p *Postgres) Create(template string) (string, error) {
	if template == "" {
		template = "template1"
	}
	name := "t" + strconv.FormatInt(p.made.Add(1), 10)
	_, err := p.admin.Exec("CREATE DATABASE " + name + " TEMPLATE " + template)
	return name, err
}

// Drop removes a database, whoever uses it.
func (p *Postgres) Drop(name string) error {
	_, err := p.admin.Exec("DROP DATABASE " + name + " WITH (FORCE)")
	return err
}

// Stop ends the server and removes what it kept.
func (p *Postgres) Stop() error {
	err := p.admin.Close()
	_ = p.cmd.Process.Signal(syscall.SIGQUIT) // an error means that it has ended
	<-p.done
	return errors.Join(err, os.RemoveAll(p.dir))
}
