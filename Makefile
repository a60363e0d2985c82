# Needs Go, make and git. CGO is off everywhere but in the race detector, which
# cannot do without it: SQLite is the pure-Go engine, so nothing else needs C.
export CGO_ENABLED ?= 0

GO       ?= go
FUZZTIME ?= 10s
N        ?= 1000

.DEFAULT_GOAL := help

.PHONY: help
help: ## print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: ## start a desk with seeded data in it
	$(GO) run ./cmd/hookdesk demo

.PHONY: test
test: postgres python ## vet and test everything, on SQLite and PostgreSQL
	$(GO) vet ./...
	$(GO) test -vet=off ./... # what it would vet has just been

# RACY are the packages that share memory between goroutines; elsewhere what is
# shared is in the database.
RACY = ./adapters ./core ./hooks ./rest ./plugins/external/...

.PHONY: race
race: postgres ## the tests of what shares memory, under the race detector (needs a C compiler)
	CGO_ENABLED=1 $(GO) test -race -vet=off -short $(RACY)
	CGO_ENABLED=1 $(GO) test -race -vet=off -short -run 'Remembered|Overtaken|Stream|KeptApart' ./plugins/savedviews

.PHONY: lint
lint: ## run the linters of .golangci.yml
	./scripts/lint.sh ./...

.PHONY: fmt
fmt: ## format all Go files
	$(GO) tool -modfile=tools/go.mod golangci-lint fmt ./...

.PHONY: examples
examples: ## build every program of the module into bin/
	@mkdir -p bin
	programs=$$($(GO) list -f '{{if eq .Name "main"}}{{.ImportPath}}{{end}}' ./...) && \
		$(GO) build -o bin/ $$programs

.PHONY: bench
bench: ## measure, and compare with the promised numbers
	$(GO) run ./bench

.PHONY: crash
crash: ## kill desks N times on each database, and look what is lost (default 1000)
	$(GO) run ./test/crash -cycles $(N)

.PHONY: chaos
chaos: ## kill and stop a plugin's process at each kind of hook, N times (default 1000), and look what the desk makes of it
	$(GO) run ./test/chaos -rounds $(N)

.PHONY: oracle
oracle: ## compare business hours with a count minute by minute, in N random cases (default 1000)
	HOOKDESK_ORACLE_CASES=$(N) $(GO) test ./plugins/sla/worktime -run TestTheEngineAgreesWithTheClockOnTheWall -count=1 -timeout 0 -v

.PHONY: fuzz
fuzz: ## run each fuzz target for FUZZTIME (default 10s)
	FUZZTIME=$(FUZZTIME) ./scripts/fuzz.sh

.PHONY: tidy-check
tidy-check: ## fail when go.mod or go.sum are not tidy
	$(GO) mod tidy -diff

.PHONY: postgres
postgres: ## make sure that the tests find a PostgreSQL
	@./scripts/postgres.sh

.PHONY: python
python: ## make sure that the tests can run the example in Python
	@./scripts/python.sh

.PHONY: proto
proto: ## generate the code of plugin.proto again, in Go and in Python
	./scripts/proto.sh
