# make help lists the targets. Those that need more than Go say so.

GOLANGCI_LINT_VERSION := v2.15.0
GOLANGCI_LINT         := go run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_LINT_VERSION)
# A binary of that very version, where there is one, saves building it.
INSTALLED_LINT        := $(firstword $(wildcard $(shell command -v golangci-lint 2>/dev/null) $(shell go env GOPATH)/bin/golangci-lint))
ifneq ($(INSTALLED_LINT),)
ifeq ($(shell $(INSTALLED_LINT) version --short 2>/dev/null),$(GOLANGCI_LINT_VERSION:v%=%))
GOLANGCI_LINT := $(INSTALLED_LINT)
endif
endif

VERSION   ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
LDFLAGS   := -s -w -X main.version=$(VERSION)
PLATFORMS := $(foreach os,linux darwin freebsd windows,$(os)/amd64 $(os)/arm64)
FUZZTIME  ?= 1m
export MINUTES ?= 30
PARTS     ?= tests fuzz soak
SOAKTIME  ?= 10m
BENCH     ?= .
BENCHCOUNT ?= 1

DESTDIR   ?=
PREFIX    ?= /usr/local
# The program as it runs where it is built, whatever it is built for.
HERE      := GOOS= GOARCH= go run -ldflags '$(LDFLAGS)' ./cmd/rootwalk

.PHONY: help build install test race mutants attacks without lint fmt fuzz bench cross shell e2e long soak generate clean

help:                ## this list
	@sed -n 's/^\([a-z0-9]*\):.*## /  \1\t/p' $(MAKEFILE_LIST) | expand -t 14

build:               ## bin/rootwalk, static
	CGO_ENABLED=0 go build -trimpath -ldflags '$(LDFLAGS)' -o bin/rootwalk ./cmd/rootwalk

install: build       ## program, manual, completions and systemd units, into DESTDIR and PREFIX (/usr/local): for packages
	mkdir -p $(addprefix $(DESTDIR)$(PREFIX)/,bin lib/systemd/system share/man/man8 share/man/man5 \
		share/bash-completion/completions share/zsh/site-functions share/fish/vendor_completions.d)
	install -m 755 bin/rootwalk $(DESTDIR)$(PREFIX)/bin/rootwalk
	$(HERE) man rootwalk.8 >$(DESTDIR)$(PREFIX)/share/man/man8/rootwalk.8
	$(HERE) man rootwalk.yaml.5 >$(DESTDIR)$(PREFIX)/share/man/man5/rootwalk.yaml.5
	$(HERE) completion bash >$(DESTDIR)$(PREFIX)/share/bash-completion/completions/rootwalk
	$(HERE) completion zsh >$(DESTDIR)$(PREFIX)/share/zsh/site-functions/_rootwalk
	$(HERE) completion fish >$(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/rootwalk.fish
	sed 's,/usr/local/bin/,$(PREFIX)/bin/,' deploy/systemd/rootwalk.service >$(DESTDIR)$(PREFIX)/lib/systemd/system/rootwalk.service
	install -m 644 deploy/systemd/rootwalk.socket $(DESTDIR)$(PREFIX)/lib/systemd/system/rootwalk.socket

test:                ## all tests that take seconds; offline, no privileges
	go test ./...

race:                ## the same under the race detector
	go test -race ./...

mutants:             ## remove each rule of the resolver in turn: the scenarios that show it must fail
	ROOTWALK_MUTANTS=1 go test -count 1 -timeout 30m -run WithoutTheir ./scenario

attacks:             ## play all attacks and faults in their whole size, print the board, write it into docs/security.md
	go run ./test/attacks -write docs/security.md

without:             ## take the limits away, one after the other: the tests of their attacks must fail
	go run ./test/attacks -without

long:                ## hours: tests with build tag long, fuzzing, soak, for MINUTES (30) each; PARTS="tests fuzz soak"
	test/long/run $(PARTS)

soak:                ## load of all kinds on loopback for SOAKTIME (10m), every reply checked, under the race detector
	go test -race -tags long -count 1 -timeout 2h -v -run Soak ./test/soak -args -for $(SOAKTIME)

lint:                ## golangci-lint at the pinned version: floors, comments, formatting
	$(GOLANGCI_LINT) run ./...

fmt:                 ## format all files
	$(GOLANGCI_LINT) fmt ./...

fuzz:                ## every fuzz target for FUZZTIME (1m)
	.ci/fuzz $(FUZZTIME)

bench:               ## benchmarks that match BENCH, BENCHCOUNT times
	go test -run '^$$' -bench '$(BENCH)' -benchmem -count $(BENCHCOUNT) ./...

compare:             ## cached answers beside other resolvers, in a network namespace: tables for docs/benchmarks.md
	go run ./bench

cross: $(PLATFORMS:%=cross/%)  ## compile for every system and processor that is supported

.PHONY: $(PLATFORMS:%=cross/%)
$(PLATFORMS:%=cross/%): cross/%:
	CGO_ENABLED=0 GOOS=$(word 1,$(subst /, ,$*)) GOARCH=$(word 2,$(subst /, ,$*)) go build ./...

shell:               ## a shell in a small private Internet with rootwalk as its resolver (root, knot)
	test/shell

e2e:                 ## real servers and processes in network namespaces (root)
	test/e2e/run
	test/e2e/validation/run
	test/e2e/system/run
	test/e2e/mail/run
	test/e2e/image/run

generate:            ## bring generated files into form
	go generate ./...

clean:               ## remove what is built
	rm -rf bin
