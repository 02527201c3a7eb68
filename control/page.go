package control

import (
	"context"
	_ "embed"
	"fmt"
	"html/template"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"rootwalk/resolver"
	"rootwalk/server"
	"rootwalk/upstream"
)

// This file is the page for people: how the server is, what failed of late, and why a
// name resolves as it does. It is one document without scripts, fonts or pictures from
// elsewhere, and changes nothing.

//go:embed page.html
var pageText string

var pageTemplate = template.Must(template.New("page").Funcs(template.FuncMap{
	"percent": percent, "round": round, "count": count, "mib": mib, "clock": clockText, "class": stepClass, "uptime": func(d time.Duration) string { return d.Round(time.Second).String() },
}).Parse(pageText))

// maxExplaining is how many questions from the page are resolved at the same time.
const maxExplaining = 4

// page is what the template shows.
type page struct {
	Status             Status
	Minute             rates
	Curve              string // points of a line in a box of 600 by 60
	Peak               float64
	Hit, Miss, Servers quantiles
	Timeouts           float64 // share of upstream queries
	Failures           []resolver.Past
	Anchors            []string
	Name, Type         string // of the form
	Anew               bool
	Renews             bool // every ten seconds
	Explanation        *Explanation
	Problem            string
}

// quantiles are bounds of half and of 99 in 100, in words.
type quantiles struct{ Half, Most string }

// Page serves the page at /, and explanations at /explain, to clients that may ask the
// server itself. allowed tells which those are.
func (r *Rooms) Page(allowed func(netip.Addr) bool) http.Handler {
	places := make(chan struct{}, maxExplaining)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, req *http.Request) {
		p := r.page()
		p.Renews = req.FormValue("hold") == "" // somebody may be reading what failed
		r.render(w, p)
	})
	mux.HandleFunc("GET /explain", func(w http.ResponseWriter, req *http.Request) {
		p := r.page()
		p.Name, p.Type = req.FormValue("name"), req.FormValue("type")
		p.Anew = req.FormValue("anew") != ""
		q, err := asked(req)
		if err != nil {
			p.Problem = err.Error()
			r.render(w, p)
			return
		}
		select {
		case places <- struct{}{}:
		case <-req.Context().Done():
			return
		}
		func() {
			defer func() { <-places }() // before the reply, which a client may leave unread
			ctx, cancel := context.WithTimeout(req.Context(), resolver.QuestionTime)
			defer cancel()
			if p.Explanation, err = Explain(ctx, r.Resolver(), resolver.Request{Question: q, Anew: p.Anew}); err != nil {
				p.Problem = err.Error()
			}
		}()
		r.render(w, p)
	})
	return guarded(mux, allowed)
}

// guarded keeps strangers out, and pages of other sites that a browser of this host
// shows: those cannot read what another name is served under, unless the name is made
// to lead here (DNS rebinding). So the host must be an address or a name without dots.
func guarded(next http.Handler, allowed func(netip.Addr) bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		client, err := netip.ParseAddrPort(req.RemoteAddr)
		host := req.Host
		if h, _, err := net.SplitHostPort(host); err == nil {
			host = h
		}
		if _, notAddr := netip.ParseAddr(strings.Trim(host, "[]")); err != nil || !allowed(client.Addr()) || notAddr != nil && strings.Contains(host, ".") {
			http.Error(w, "this page is for clients that may ask the server (access.allow), by the server's address", http.StatusForbidden)
			return
		}
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, req)
	})
}

func (r *Rooms) render(w http.ResponseWriter, p *page) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_ = pageTemplate.Execute(w, p) // a client that is gone is no matter
}

// page gathers the figures.
func (r *Rooms) page() *page {
	all := r.Stats()
	p := &page{Status: r.Status(), Type: "A", Failures: r.Resolver().Recent()}
	p.Failures = p.Failures[:min(len(p.Failures), 20)]
	if r.Anchors != nil {
		p.Anchors = r.Anchors()
	}
	var curve []float64
	p.Minute, curve = r.history.recent()
	p.Curve, p.Peak = line(curve)
	hit, miss := all.Server.Latency["hit"], all.Server.Latency["miss"]
	p.Hit, p.Miss = quantilesOf(server.LatencyBounds[:], hit.Buckets[:]), quantilesOf(server.LatencyBounds[:], miss.Buckets[:])
	p.Servers = quantilesOf(upstream.RTTBounds[:], all.Upstream.RTTBuckets[:])
	if n := p.Status.UpstreamQueries; n > 0 {
		p.Timeouts = float64(p.Status.UpstreamTimeouts) / float64(n)
	}
	return p
}

// quantilesOf finds the bounds below which half and 99 of 100 are; the last count is of
// what is above all of them.
func quantilesOf(bounds []float64, counts []uint64) quantiles {
	total := uint64(0)
	for _, n := range counts {
		total += n
	}
	at := func(share float64) string {
		sum := uint64(0)
		for i, bound := range bounds {
			if sum += counts[i]; total > 0 && float64(sum) >= share*float64(total) {
				return "≤" + nbsp + seconds(bound)
			}
		}
		if total == 0 {
			return "–"
		}
		return ">" + nbsp + seconds(bounds[len(bounds)-1])
	}
	return quantiles{at(.5), at(.99)}
}

// line draws numbers as a line in a box of 600 by 60.
func line(numbers []float64) (points string, peak float64) {
	if len(numbers) < 2 {
		return "", 0
	}
	peak = slices.Max(numbers)
	var b strings.Builder
	for i, v := range numbers {
		y := 59.0
		if peak > 0 {
			y = 59 - 57*v/peak
		}
		fmt.Fprintf(&b, "%.1f,%.1f ", 600*float64(i)/float64(len(numbers)-1), y)
	}
	return b.String(), peak
}

func percent(f float64) string {
	if f < 0 {
		return "–"
	}
	return fmt.Sprintf("%.1f %%", 100*f)
}

// nbsp is a space at which no line ends.
const nbsp = "\u00a0"

// seconds is a time in words.
func seconds(f float64) string {
	d := time.Duration(f * 1e9).String()
	number := strings.TrimRight(d, "nµms")
	return number + nbsp + d[len(number):]
}

func round(d time.Duration) string {
	if d >= time.Minute {
		return d.Round(time.Second).String()
	}
	return d.Round(10 * time.Microsecond).String()
}

// count is a number with its thousands apart.
func count(n any) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + nbsp + s[i:]
	}
	return s
}

func mib(n int64) string { return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20)) }

func clockText(t time.Time) string { return t.Format("2006-01-02 15:04:05 MST") }

// stepClass is how a step looks.
func stepClass(s *resolver.Step) string {
	switch {
	case s.Kind == resolver.StepFailed, s.Kind == resolver.StepVerdict && s.Outcome == "bogus":
		return "bad"
	case s.Kind == resolver.StepAnswer, s.Kind == resolver.StepVerdict && s.Outcome == "secure":
		return "good"
	}
	return string(s.Kind)
}
