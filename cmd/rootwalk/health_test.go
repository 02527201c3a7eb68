package main

// This file is about who asks whether a server lives.

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"

	"rootwalk/policy"
)

func TestAHealthCheckAsksTheServer(t *testing.T) {
	_, path := loopbackInternet(t)
	s, at := serve(t, "-c", path)
	run(t, "healthcheck", "--server", at.String()).want(t, 0, nil, nil)
	cfg := file(t, "all.yaml", fmt.Sprintf("listen: [\"0.0.0.0:%d\"]", at.Port()))
	run(t, "healthcheck", "-c", cfg).want(t, 0, nil, nil)
	s.stop(t, syscall.SIGTERM)
	run(t, "healthcheck", "--server", at.String()).want(t, 1, nil, []string{at.String() + " does not answer"})
	run(t, "healthcheck", "--server", "localhost").want(t, 1, nil, []string{"--server: "})
}

// A container whose health check fails is started again and again.
func TestAServerThatDoesNotAnswerThisHostIsHealthy(t *testing.T) {
	_, path, base := loopbackSettings(t)
	s, at := serve(t, "-c", path)
	for _, access := range []string{"access: {allow: [192.0.2.0/24]}", "access: {rules: [127.0.0.0/8 refuse]}", "access: {rules: [127.0.0.0/8 deny]}"} {
		rewrite(t, path, base, access)
		s.hup(t, "reloaded")
		run(t, "healthcheck", "-c", path, "--server", at.String()).want(t, 0, nil, nil)
	}
	s.stop(t, syscall.SIGTERM)
	run(t, "healthcheck", "-c", path, "--server", at.String()).want(t, 1, nil, []string{at.String() + " does not answer"})
}

// A process that hangs has its connections opened by the kernel.
func TestAServerThatHangsIsNotHealthyThoughItDeniesThisHost(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	rules := policy.NewACL(nil, policy.Rule{Prefix: netip.MustParsePrefix("127.0.0.1/32"), Action: policy.Deny})
	if err := healthy(ctx, ln.Addr().(*net.TCPAddr).AddrPort(), rules); err == nil {
		t.Error("it is healthy")
	}
}

func TestAServerThatFailsIsNotHealthy(t *testing.T) {
	for rcode, healthyToo := range map[int]bool{dns.RcodeSuccess: true, dns.RcodeRefused: true, dns.RcodeServerFailure: false, dns.RcodeNotImplemented: false} {
		udp, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer udp.Close()
		go func() {
			query := make([]byte, 512)
			n, from, err := udp.ReadFrom(query)
			if err != nil {
				return
			}
			query[2], query[3] = query[2]|0x80, byte(rcode)
			_, _ = udp.WriteTo(query[:n], from)
		}()
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		if err := healthy(ctx, udp.LocalAddr().(*net.UDPAddr).AddrPort(), policy.NewACL(nil)); (err == nil) != healthyToo {
			t.Errorf("%s: %v", dns.RcodeToString[rcode], err)
		}
	}
}
