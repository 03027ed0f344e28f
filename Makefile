# The road from a fresh machine to a running server and to tests. What these targets need and is missing, they install;
# where they can't, they say what to install by hand.

# A fresh rustup is not on the PATH of the shell that installed it.
export PATH := $(HOME)/.cargo/bin:$(PATH)

# Where make serve keeps the ledger: embedded, or redis.
STORE ?= embedded
export STORE
# What make bench is asked for, and for how many seconds make soak watches.
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

# Built without incremental compilation, whatever the shell says: that splits a crate into many more pieces than a release has.
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
