package metrics

import (
	"fmt"
	"net/http"
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
