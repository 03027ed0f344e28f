# Targets to serve, test and measure Ledgerscope on a fresh machine. They install what they need, or say what to install
# by hand.

# A new rustup is not on the PATH of the shell that installed it.
export PATH := $(HOME)/.cargo/bin:$(PATH)

# The kind of store of `make serve`: embedded, or redis.
STORE ?= embedded
export STORE
# Options of `make bench`, and the seconds that `make soak` measures.
BENCH ?=
SOAK ?= 600

.PHONY: help serve test bench soak build clean

help:
	@echo 'make serve               build everything, fill ./data with a demo ledger once, serve http://127.0.0.1:3000'
	@echo 'make serve STORE=redis   the same on six redis-servers of its own, under ./data/redis'
	@echo 'make test                formatting, lints, unit, HTTP and browser tests; installs what they need'
	@echo 'make bench               every figure of docs/performance.md; BENCH="--only replay" or --quick for less'
	@echo 'make soak                memory of the server under a busy shop, for SOAK=600 seconds'
	@echo 'make build               the server and its browser part only'
	@echo 'make clean               remove what was built; ./data stays'

serve: build
ifeq ($(STORE),redis)
	@.ci/need redis
endif
	@.ci/serve

test:
	@.ci/need test
	@.ci/test

# Builds without incremental compilation, whatever the shell sets: it would split a crate into more pieces than a
# release has.
bench soak: export CARGO_INCREMENTAL := 0

bench:
	@.ci/need bench >&2
	@cargo xtask bundle >&2
	@cargo bench --quiet --bench side_by_side -- $(BENCH)

soak:
	@.ci/need build
	@cargo bench --quiet --bench side_by_side -- --soak $(SOAK)

build:
	@.ci/need build
	@cargo build
	@cargo xtask bundle

clean:
	cargo clean
	rm -rf benches/node/node_modules end2end/node_modules end2end/test-results end2end/playwright-report
