# Seneschal. On a new Debian machine with Go, git and make: make demo, make test.
SHELL := /bin/bash
GO ?= go
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS := -X seneschal/internal/app.Version=$(VERSION)
TOOLS := $(CURDIR)/bin/tools
GOLANGCI_VERSION := v2.15.0
export SENESCHAL_SHARED ?= $(abspath ../shared)
export CGO_ENABLED ?= 0

.PHONY: build demo test lint conformance soak bench tools deps race clean

build: ## bin/seneschal
	$(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/seneschal ./cmd/seneschal

demo: build ## the program's main job against the simulated cloud, then the console
	./bin/seneschal demo $(ARGS)

deps: ## what the tests need from Debian: a browser and a PostgreSQL server
	./scripts/deps

test: deps build ## every test
	$(GO) test -count=1 -timeout 24m ./...

race: deps ## every test with the race detector
	CGO_ENABLED=1 $(GO) test -count=1 -race -timeout 40m ./...

lint: tools
	test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { gofmt -l $$(git ls-files '*.go'); exit 1; }
	$(GO) vet ./...
	$(TOOLS)/golangci-lint run ./...

tools: $(TOOLS)/golangci-lint-$(GOLANGCI_VERSION)

$(TOOLS)/golangci-lint-$(GOLANGCI_VERSION):
	GOBIN=$(TOOLS) GOFLAGS= $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_VERSION)
	touch $@

conformance: build ## clients that we did not write, against the simulator
	./scripts/conformance

soak: build deps ## the full counts of kills, and fuzzing
	./scripts/soak

bench: build ## figures, as ratios against a named peer in the same run: see bench/doc.go
	$(GO) test -run '^$$' -bench . -benchtime 1x -timeout 60m ./bench/...
	cd conformance && $(GO) test -run '^$$' -bench . -benchtime 1x -timeout 60m .

clean:
	rm -rf bin .demo
