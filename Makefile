# SecCam's commands. `make help` lists them.
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS := -s -w -X main.release=$(VERSION)
# Everything but the tests of the real programs, which run last and alone.
UNITS = $(shell go list ./... | grep -v /pkg/e2e)

.PHONY: help build demo pi test test-v4l2 test-arm test-nat packages test-packages soak bench fuzz lint clean

help: ## Show this list
	@sed -n 's/^\([a-z0-9-]*\):.*## /  make \1\t/p' Makefile | expand -t 18

build: ## Build bin/portal and bin/camerad
	@.ci/deps build
	@echo 'Building; the first time takes a minute or two.'
	go build -trimpath -ldflags '$(LDFLAGS)' -o bin/portal ./portal
	go build -trimpath -ldflags '$(LDFLAGS)' -o bin/camerad ./camerad

demo: build ## Run the portal, the broker and one camera on this machine
	@exec bin/portal demo --camerad bin/camerad

test: ## Run every test, installing what they need
	@.ci/deps test
	go test -race -timeout 20m $(UNITS)
	go test -race -timeout 20m -count=1 ./pkg/e2e

pi: ## Build camerad for Raspberry Pi: bin/pi/camerad-arm64, and -armhf for 32 bits
	@VERSION='$(VERSION)' .ci/pi bin/pi/camerad-arm64 camerad arm64
	@VERSION='$(VERSION)' .ci/pi bin/pi/camerad-armhf camerad armhf

test-v4l2: ## Test simulated V4L2 cameras in a virtual machine, up to the picture in Chromium
	@.ci/test-v4l2

test-arm: ## Test camerad for ARM, 64 and 32 bits, under emulation
	@.ci/test-arm

test-nat: ## Watch between every pair of networks, and through interruptions; needs root
	@.ci/deps test
	E2E_NETWORKS=all go test -count=1 -timeout 40m -v -run 'TestNetworks|TestAddressChanges|TestPortalGone|TestCameraCutOff|TestRelayRestarts|TestViewerSleeps' ./pkg/e2e

packages: ## Build Debian packages into bin/packages; ARCHES="amd64 arm64 armhf" names others than this machine's
	@.ci/deps build
	VERSION='$(VERSION)' .ci/packages $(ARCHES)

test-packages: ## Install, upgrade, remove and purge the packages on a clean Debian system in a folder; needs root
	@.ci/test-packages

soak: ## Open and close a day's views in ten minutes or less, and look for what is left of them
	@.ci/deps build
	go test -tags bench -count=1 -timeout 20m -v -run TestSoak ./pkg/e2e

bench: ## Measure; one JSON line for each figure
	@.ci/deps bench
	@go test -p 1 -tags bench -run '^TestBench' -count=1 -timeout 80m -v ./broker ./camerad/media ./portal/fleet ./pkg/e2e | grep '^{'

fuzz: ## Fuzz every parser for a minute each
	@for f in $$(grep -rlE '^func Fuzz' --include='*_test.go' .); do \
		for name in $$(sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\)(.*/\1/p' $$f); do \
			echo "== $$(dirname $$f) $$name"; \
			go test -run '^$$' -fuzz "^$$name$$" -fuzztime 60s -fuzzminimizetime 20x $$(dirname $$f) || exit 1; \
		done; \
	done

lint: ## Check formatting, vet, staticcheck and go.mod
	@test -z "$$(git ls-files '*.go' | xargs gofmt -l | tee /dev/stderr)"
	go mod tidy -diff
	go vet ./...
	go tool staticcheck ./...

clean: ## Remove what was built, and the demo's state
	rm -rf bin .demo .tools
