package store

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"sort"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// throwaway starts one PostgreSQL server for the tests of this process; it dies with the process.
var throwaway = sync.OnceValues(func() (string, error) {
	bin, err := postgresBin()
	if err != nil {
		return "", err
	}
	dir, err := os.MkdirTemp("", "seneschal-pg-")
	if err != nil {
		return "", err
	}
	who, err := postgresAccount(dir)
	if err != nil {
		return "", err
	}
	initdb := exec.Command(filepath.Join(bin, "initdb"), "-A", "trust", "-U", "postgres", "--no-sync", "-D", filepath.Join(dir, "data"))
	initdb.Env, initdb.SysProcAttr, initdb.Dir = []string{"LC_ALL=C.UTF-8"}, who, dir
	if out, err := initdb.CombinedOutput(); err != nil {
		return "", fmt.Errorf("initdb: %w: %s", err, out)
	}
	port, err := freePort()
	if err != nil {
		return "", err
	}
	server := exec.Command("sh", "-c", bound, dir, filepath.Join(bin, "postgres"), "-D", filepath.Join(dir, "data"), "-k", dir, "-p", strconv.Itoa(port),
		"-c", "listen_addresses=127.0.0.1", "-c", "fsync=off", "-c", "max_connections=300")
	server.Env, server.SysProcAttr, server.Dir = []string{"LC_ALL=C.UTF-8"}, who, dir
	if err := startBound(server); err != nil {
		return "", err
	}
	address := fmt.Sprintf("postgres://postgres@127.0.0.1:%d", port)
	return address, waitForPostgres(address)
})

// postgresBin finds the server's programs: Debian keeps them off the PATH, one folder a version.
func postgresBin() (string, error) {
	if p, err := exec.LookPath("initdb"); err == nil {
		return filepath.Dir(p), nil
	}
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if len(found) == 0 {
		return "", errors.New("the PostgreSQL server's programs are not installed")
	}
	sort.Strings(found)
	return filepath.Dir(found[len(found)-1]), nil
}

// postgresAccount gives the account the server runs as: it refuses root, so root lends its account postgres the folder.
func postgresAccount(dir string) (*syscall.SysProcAttr, error) {
	attr := &syscall.SysProcAttr{Pdeathsig: syscall.SIGQUIT} // SIGQUIT is PostgreSQL's immediate shutdown
	if os.Getuid() != 0 {
		return attr, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		return nil, err
	}
	uid, _ := strconv.Atoi(u.Uid)
	gid, _ := strconv.Atoi(u.Gid)
	attr.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	return attr, os.Chown(dir, uid, gid)
}

// bound runs the server, and takes its folder ($0) away whenever it ends: with this process, by the death signal, as well as by itself.
const bound = `trap 'kill -QUIT $server' QUIT; "$@" & server=$!; wait $server; wait $server; rm -rf "$0"`

// startBound starts the server on a thread that lives as long as the server: the death signal follows the thread, not the process.
func startBound(server *exec.Cmd) error {
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		started <- server.Start()
		_ = server.Wait()
	}()
	return <-started
}

func waitForPostgres(address string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	for {
		s, err := openPostgres(ctx, address+"/postgres", nil)
		if err == nil {
			return s.Close()
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("PostgreSQL did not start: %w", err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// freePort is below the ports that the system gives out by itself: one of those may be anybody's before the server listens on it.
func freePort() (port int, err error) {
	for range 100 {
		port = 10000 + rand.IntN(5000) //nolint:gosec // no secret
		l, failed := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port})
		if err = failed; err == nil {
			return port, l.Close()
		}
	}
	return 0, err
}
