package control

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// This file is about the socket, on both sides.

// Listen opens the control socket. Whoever may write to the file may do everything,
// so it is for the owner and the group. A socket that a server left behind is
// replaced; one that is answered is not.
func Listen(path string) (net.Listener, error) {
	ln, err := net.Listen("unix", path)
	if fi, statErr := os.Lstat(path); errors.Is(err, syscall.EADDRINUSE) && statErr == nil && fi.Mode()&fs.ModeSocket != 0 {
		conn, dialErr := net.DialTimeout("unix", path, time.Second)
		if dialErr == nil {
			conn.Close()
			return nil, fmt.Errorf("control.socket: another program answers on %s", path)
		}
		if !errors.Is(dialErr, syscall.ECONNREFUSED) {
			return nil, fmt.Errorf("control.socket: %w", err)
		}
		os.Remove(path)
		ln, err = net.Listen("unix", path)
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("control.socket: there is no folder %s to make the socket in; make it, or choose another place", filepath.Dir(path))
	case err != nil:
		return nil, fmt.Errorf("control.socket: %w", err)
	}
	if err := os.Chmod(path, 0o660); err != nil {
		ln.Close()
		return nil, fmt.Errorf("control.socket: %w", err)
	}
	return ln, nil
}

// Serve serves the socket until ctx ends. What takes long, a dump, has no end in
// time.
func (r *Rooms) Serve(ctx context.Context, ln net.Listener) {
	srv := &http.Server{Handler: r.Handler(), ReadTimeout: 10 * time.Second, MaxHeaderBytes: 16 << 10}
	stop := context.AfterFunc(ctx, func() { srv.Close() })
	defer stop()
	_ = srv.Serve(ln)
}

// Client asks a running server.
type Client struct{ http http.Client }

// NewClient is for the server behind a socket.
func NewClient(path string) *Client {
	return &Client{http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", path)
	}}}}
}

// Refusal is what a server says that does not do as it is told.
type Refusal struct {
	Text string
	Body []byte // the same as JSON, and maybe more
}

func (r *Refusal) Error() string { return r.Text }

// maxRefusal bounds what is read of one.
const maxRefusal = 1 << 20

// Do asks for a path and returns the body, which the caller closes. What the server
// refuses is a [*Refusal].
func (c *Client) Do(ctx context.Context, method, path string, params url.Values) (io.ReadCloser, error) {
	req, err := http.NewRequestWithContext(ctx, method, "http://rootwalk"+path+"?"+params.Encode(), nil)
	if err != nil {
		return nil, err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		var e *net.OpError
		if errors.As(err, &e) {
			return nil, e
		}
		return nil, err
	}
	if resp.StatusCode == http.StatusOK {
		return resp.Body, nil
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxRefusal))
	if err != nil {
		return nil, err
	}
	var p problem
	if json.Unmarshal(body, &p) != nil || p.Error == "" {
		return nil, errors.New(resp.Status)
	}
	return nil, &Refusal{p.Error, body}
}

// Get asks for one JSON value.
func (c *Client) Get(ctx context.Context, method, path string, params url.Values, out any) error {
	body, err := c.Do(ctx, method, path, params)
	if err != nil {
		return err
	}
	defer body.Close()
	return json.NewDecoder(body).Decode(out)
}

// Lines asks for JSON values, one to a line.
func (c *Client) Lines(ctx context.Context, path string, params url.Values, each func(line []byte) error) error {
	body, err := c.Do(ctx, http.MethodGet, path, params)
	if err != nil {
		return err
	}
	defer body.Close()
	r := bufio.NewReader(body)
	for {
		line, err := r.ReadBytes('\n')
		if len(line) > 0 {
			if err := each(line); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
