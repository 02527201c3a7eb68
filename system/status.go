package system

import (
	"context"
	"fmt"
	"net/netip"
)

// This file says who answers for the host.

// Status is who answers for the host now.
type Status struct {
	Resolver string    `json:"resolver"`           // the address that it asks first
	Who      *Listener `json:"who,omitempty"`      // who answers there, if that is on this host
	Rootwalk bool      `json:"rootwalk"`           // it is rootwalk, also by way of systemd-resolved
	Alone    bool      `json:"alone"`              // no other server is asked beside it
	Resolves *bool     `json:"resolves,omitempty"` // it does; not asked of others than ours
	Failure  string    `json:"failure,omitempty"`  // why it does not
	Text     string    `json:"text"`               // all that in words
	Advice   []string  `json:"advice,omitempty"`   // what is not as it should be, and the way out
	Host     *Facts    `json:"host"`
}

// Status finds out who answers for the host.
func (f *Facts) Status(ctx context.Context, h *Host) *Status {
	s := &Status{Resolver: f.Resolv.asked().String(), Alone: len(f.Resolv.Servers) < 2, Host: f}
	at := netip.AddrPortFrom(f.Resolv.asked(), 53)
	if l, ok := f.holder(at); ok && at.IsValid() {
		s.Who = &l
	}
	s.Rootwalk = s.Who != nil && (s.Who.Process == "rootwalk" || s.Who.PID == 0 && f.Active && at == h.Server)
	ours := at
	if !h.Live {
		s.Rootwalk = f.Installed == Complete && at == h.Server
	}
	stub := s.Who != nil && s.Who.Process == "systemd-resolve" || f.ByD
	if text, err := h.read(resolvedFile); stub && err == nil && text == fmt.Sprintf(resolvedText, h.Server.Addr()) {
		if l, ok := f.holder(h.Server); ok && (l.Process == "rootwalk" || l.PID == 0 && f.Active) {
			s.Rootwalk, ours = true, h.Server // systemd-resolved asks it
		}
	}
	s.Text = f.Now()
	if h.Live && s.Rootwalk {
		err := h.Resolves(ctx, ours)
		ok := err == nil
		s.Resolves = &ok
		if ok {
			s.Text += " That is rootwalk, and it resolves."
		} else {
			s.Failure = err.Error()
			s.Text += " That is rootwalk, and it does not resolve: " + s.Failure + "."
			s.advise("`rootwalk doctor` looks for the reason")
		}
	} else if h.Live {
		s.Text += " That is not rootwalk."
	}
	if s.Rootwalk && !s.Alone {
		s.advise("others are asked beside rootwalk, and their answers are taken as they come; leave one nameserver in %s", resolvConf)
	}
	switch f.Installed {
	case Half:
		s.advise("an installation did not come to its end: `rootwalk system install` goes on with it, `rootwalk system uninstall` undoes it")
	case Changed:
		s.advise("files were changed since the installation; `rootwalk system install --dry-run` shows what it would change back")
	case Complete:
		if h.Live && !s.Rootwalk {
			s.advise("rootwalk is installed and is not asked: systemctl status rootwalk")
		}
	}
	return s
}

func (s *Status) advise(format string, args ...any) {
	s.Advice = append(s.Advice, fmt.Sprintf(format, args...))
}
