package metrics

import (
	"io"
	"net"
	"net/http"
	"testing"
	"time"
)

func TestConnectionsThatAskNothingDoNotTakeAllDescriptors(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /", func(http.ResponseWriter, *http.Request) {})
	srv := Server(mux)
	go func() { _ = srv.Serve(Bounded(ln)) }()
	defer srv.Close()
	dial := func() net.Conn {
		c, err := net.Dial("tcp", ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		_ = c.SetDeadline(time.Now().Add(30 * time.Second))
		return c
	}
	var open []net.Conn
	for range maxConns {
		open = append(open, dial())
	}
	// They are accepted in the order in which they came.
	one := dial()
	defer one.Close()
	_, _ = io.WriteString(one, "GET / HTTP/1.0\r\n\r\n")
	if n, _ := one.Read(make([]byte, 1)); n != 0 {
		t.Error("one connection too many is answered")
	}
	for _, c := range open {
		c.Close()
	}
	for until := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) { // until it has noticed
		r, err := http.Get("http://" + ln.Addr().String())
		if err == nil {
			r.Body.Close()
			return
		}
		if time.Now().After(until) {
			t.Fatal(err)
		}
	}
}
