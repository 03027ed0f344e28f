# The road from a fresh machine to a running server and to tests. What these targets need and is missing, they install;
# where they can't, they say what to install by hand.

# A fresh rustup is not on the PATH of the shell that installed it.
export PATH := $(HOME)/.cargo/bin:$(PATH)

# Where make serve keeps the ledger: embedded, or redis.
STORE ?= embedded
export STORE

.PHONY: help serve test build clean

help:
	@echo 'make serve               build everything, fill ./data with a demo ledger once, serve http://127.0.0.1:3000'
	@echo 'make serve STORE=redis   the same on six redis-servers of its own, under ./data/redis'
	@echo 'make test                formatting, lints, unit, HTTP and browser tests; installs what they need'
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

build:
	@.ci/need build
	@cargo build
	@cargo xtask bundle

clean:
	cargo clean
	rm -rf end2end/node_modules end2end/test-results end2end/playwright-report
