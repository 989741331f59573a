# Every command a newcomer needs. `make` alone explains them.
SHELL := /bin/bash
.DEFAULT_GOAL := help
TOOLS := $(CURDIR)/target/tools/bin
.PHONY: help demo test fmt lint docs quality cases oracle fuzz bench coverage deny advisories

help: ## Print this list
	@echo "Nexus answers questions over your documents, quotes its sources and leaves a signed record."
	@echo
	@echo "Start here:"
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo "Then read README.md; ARCHITECTURE.md says where things are; CONTRIBUTING.md how to change them."

demo: ## Build, ingest the handbook, ask three questions, verify the record (offline, no key)
	@bash scripts/demo.sh

test: ## Everything that must hold before a change lands; CI runs exactly this
	@bash scripts/test.sh

fmt: ## Format every Rust file
	cargo fmt --all

lint: ## Clippy on all targets, warnings denied
	cargo clippy --workspace --all-targets --locked -- -D warnings

docs: ## Build the API documentation into target/doc, warnings denied
	RUSTDOCFLAGS=-Dwarnings cargo doc --workspace --no-deps --locked

quality: ## Score retrieval, answers and document texts on judged collections: make quality DATA=<folder>
	@test -n "$(DATA)" || { echo "usage: make quality DATA=<folder with one collection per directory>"; exit 2; }
	cargo build --release --locked -p nexus-benches --bins
	target/release/quality "$(DATA)" target/runs
	@if [ -d "$(DATA)/chunking_eval" ]; then target/release/chunking "$(DATA)"; fi
	@if [ -d "$(DATA)/clapnq_dev" ] && [ -d "$(DATA)/pubmedqa" ]; then target/release/answers "$(DATA)"; fi
	@if [ -d "$(DATA)/documents" ]; then target/release/documents "$(DATA)" target/runs/documents $(if $(AGAINST),--against "$(AGAINST)"); fi
	@target/release/ask "$(DATA)"

cases: ## Run cases of use on the built program: make cases CASES=<folder with expect/CASE.json>
	@test -n "$(CASES)" || { echo "usage: make cases CASES=<folder with expect/CASE.json>"; exit 2; }
	cargo build --locked -p nexus-cli -p nexus-benches --bins
	target/debug/cases target/debug/nexus "$(CASES)"

oracle: ## The ledger against the vendor's bill, 100,000 calls, 100,000 aborted streams, ten minutes of load
	NEXUS_ORACLE_CALLS=100000 NEXUS_ABORTED_STREAMS=100000 NEXUS_LOAD_SECONDS=600 \
	  cargo test --release --locked -p nexus-gateway-tests -- --nocapture

fuzz: ## Mutants of documents of every format for ten minutes: text, work, memory, sameness, time
	NEXUS_FUZZ_SECONDS=$${NEXUS_FUZZ_SECONDS:-600} NEXUS_FUZZ_SLOWEST_MS=$${NEXUS_FUZZ_SLOWEST_MS:-20000} \
	  cargo test --release --locked -p nexus-providers --test worker mutants

bench: ## Latency and throughput, each beside a peer or a floor in the same run
	cargo bench --locked -p nexus-benches

coverage: $(TOOLS)/cargo-llvm-cov ## Line coverage of each crate
	@PATH="$(TOOLS):$$PATH" bash scripts/coverage.sh

deny: $(TOOLS)/cargo-deny ## Licences, sources and single doors of the dependency tree
	@PATH="$(TOOLS):$$PATH" cargo deny --locked check -A unused-wrapper licenses bans sources

advisories: $(TOOLS)/cargo-deny ## Known vulnerabilities, and when each dependency was last released (network)
	@PATH="$(TOOLS):$$PATH" bash scripts/advisories.sh

# Tools stay inside the checkout; debug builds of them install in a minute and are fast enough.
$(TOOLS)/cargo-deny: VERSION := 0.20.2
$(TOOLS)/cargo-llvm-cov: VERSION := 0.9.1
$(TOOLS)/cargo-%:
	cargo install cargo-$* --version $(VERSION) --locked --debug --quiet --root target/tools
