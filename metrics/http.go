package metrics

import (
	"fmt"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// Mux serves the numbers and the state of health: /metrics, /healthz (the
// process lives) and /readyz (it is ready to be asked; 503 until then). The rest is the page's, if
// there is one.
func Mux(r Rooms, ready func() bool, page http.Handler) *http.ServeMux {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", Handler(r))
	if page != nil {
		mux.Handle("GET /", page)
	}
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if !ready() {
			http.Error(w, "not primed yet", http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ready")
	})
	return mux
}

// Server is an HTTP server for the mux, with bounds on slow clients.
func Server(mux *http.ServeMux) *http.Server {
	return &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 30 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10}
}

// maxConns is the most connections for numbers and page together: each takes a descriptor that asking servers
// needs, and anybody on this host may open them.
//
//bound:http_connections
const maxConns = 64

// Bounded is a listener that closes at once what comes beyond maxConns connections.
func Bounded(l net.Listener) net.Listener { return &bounded{Listener: l} }

type bounded struct {
	net.Listener
	open atomic.Int64
}

// Accept implements net.Listener.
func (b *bounded) Accept() (net.Conn, error) {
	for {
		c, err := b.Listener.Accept()
		if err != nil {
			return nil, err
		}
		left := sync.OnceFunc(func() { b.open.Add(-1) })
		if b.open.Add(1) <= maxConns {
			return &counted{c, left}, nil
		}
		c.Close()
		left()
	}
}

// counted is a connection that tells when it is closed.
type counted struct {
	net.Conn
	left func()
}

// Close implements net.Conn.
func (c *counted) Close() error {
	defer c.left()
	return c.Conn.Close()
}
