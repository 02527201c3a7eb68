package control

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"reflect"
	"strconv"
	"strings"

	"rootwalk/cache"
	"rootwalk/clock"
	"rootwalk/resolver"
	"rootwalk/wire"
)

// This file is the door: what may be asked of a running server, and what it shall do.

// Handler serves all that there is. What changes something is a POST.
func (r *Rooms) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /status", func(w http.ResponseWriter, _ *http.Request) { reply(w, r.Status()) })
	mux.HandleFunc("GET /stats", func(w http.ResponseWriter, _ *http.Request) { reply(w, figures(reflect.ValueOf(r.Stats()))) })
	mux.HandleFunc("GET /failures", func(w http.ResponseWriter, _ *http.Request) { reply(w, r.Resolver().Recent()) })
	mux.HandleFunc("GET /lookup", func(w http.ResponseWriter, req *http.Request) { r.entries(w, req, false) })
	mux.HandleFunc("GET /dump", func(w http.ResponseWriter, req *http.Request) { r.entries(w, req, true) })
	mux.HandleFunc("GET /explain", r.explain)
	mux.HandleFunc("POST /flush", r.flush)
	mux.HandleFunc("POST /reload", r.reload)
	mux.HandleFunc("GET /log-level", func(w http.ResponseWriter, _ *http.Request) {
		reply(w, map[string]string{"log_level": r.Status().LogLevel})
	})
	mux.HandleFunc("GET /query-log", func(w http.ResponseWriter, _ *http.Request) { reply(w, map[string]int{"one_in": r.Status().QueryLog}) })
	mux.HandleFunc("POST /log-level", r.logLevel)
	mux.HandleFunc("POST /query-log", r.queryLog)
	return mux
}

// problem is the body of an error.
type problem struct {
	Error string `json:"error"`
}

func reply(w http.ResponseWriter, body any) {
	w.Header().Set("Content-Type", "application/json")
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	_ = e.Encode(body) // a client that is gone is no matter
}

func refuse(w http.ResponseWriter, code int, why string) { refuseWith(w, code, problem{why}) }

// refuseWith has a body that says more, and has a field error, too.
func refuseWith(w http.ResponseWriter, code int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(body)
}

// name reads the name that a request is about.
func name(w http.ResponseWriter, req *http.Request) (wire.Name, bool) {
	text := req.FormValue("name")
	n, err := wire.ParseName(text)
	if text == "" || err != nil {
		refuse(w, http.StatusBadRequest, fmt.Sprintf("%q is no domain name", text))
		return "", false
	}
	return n.Lower(), true
}

// asked is the question that a request is about.
func asked(req *http.Request) (wire.Question, error) {
	name := req.FormValue("name")
	if name == "" {
		return wire.Question{}, errors.New("give a domain name, and a type such as A or MX")
	}
	return ParseQuestion(name, req.FormValue("type"))
}

// explain resolves a question and tells how. With anew, what the cache has of it does
// not count.
func (r *Rooms) explain(w http.ResponseWriter, req *http.Request) {
	q, err := asked(req)
	if err != nil {
		refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	x, err := Explain(req.Context(), r.Resolver(), resolver.Request{Question: q, Anew: req.FormValue("anew") != "", CD: req.FormValue("cd") != ""})
	if err != nil {
		refuse(w, http.StatusInternalServerError, err.Error())
		return
	}
	reply(w, x)
}

// entries lists what the cache has of a name, or with subtree below it too: one JSON
// value to a line.
func (r *Rooms) entries(w http.ResponseWriter, req *http.Request, subtree bool) {
	n := wire.Root
	if req.FormValue("name") != "" || !subtree {
		var ok bool
		if n, ok = name(w, req); !ok {
			return
		}
	}
	w.Header().Set("Content-Type", "application/x-ndjson")
	out := json.NewEncoder(w)
	r.Cache.EachOf(n, subtree, func(e *cache.Entry) bool {
		return out.Encode(entryOf(e, clock.Now().Seconds())) == nil
	})
}

// Flushed is how many entries of the cache a flush has removed.
type Flushed struct {
	Entries int `json:"flushed"`
}

func (r *Rooms) flush(w http.ResponseWriter, req *http.Request) {
	if n, ok := name(w, req); ok {
		reply(w, Flushed{r.Resolver().Flush(n, req.FormValue("subtree") != "")})
	}
}

func (r *Rooms) reload(w http.ResponseWriter, _ *http.Request) {
	body, err := r.Reload()
	if err != nil {
		refuseWith(w, http.StatusUnprocessableEntity, body)
		return
	}
	reply(w, body)
}

// logLevel sets the level of the log, until the next reload.
func (r *Rooms) logLevel(w http.ResponseWriter, req *http.Request) {
	text := req.FormValue("level")
	var l slog.Level
	if l.UnmarshalText([]byte(text)) != nil || strings.ContainsAny(text, "+-") {
		refuse(w, http.StatusBadRequest, fmt.Sprintf("%q is no level; accepted: debug, info, warn or error", text))
		return
	}
	r.Level.Set(l)
	reply(w, map[string]string{"log_level": levelName(l)})
}

// queryLog logs one query in so many, until the next reload.
func (r *Rooms) queryLog(w http.ResponseWriter, req *http.Request) {
	n, err := strconv.Atoi(req.FormValue("one-in"))
	if err != nil || n < 0 || n > 1_000_000 {
		refuse(w, http.StatusBadRequest, "query-log: give a whole number from 0 to 1000000: one query in so many is logged, 0: none")
		return
	}
	r.LogOneIn(n)
	reply(w, map[string]int{"one_in": n})
}

func levelName(l slog.Level) string { return strings.ToLower(l.String()) }
