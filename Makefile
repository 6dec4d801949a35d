# Two commands: `make run` and `make test`. Both set up what they need.

.PHONY: run test lint loom simulate bench help

help:
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' Makefile

run: ## build the hub and start it on http://127.0.0.1:8434, history in tidings-data/
	cargo run --release -- serve

test: ## install what the tests need, and run all of them
	scripts/test

lint: ## formatting, clippy, documentation, dependencies
	scripts/lint

loom: ## check the concurrent core by every interleaving
	scripts/loom

simulate: ## cut the power under the stored log, SEEDS times each way (default 20000)
	TIDINGS_SEEDS=$${SEEDS:-20000} cargo test -p tidings-log --lib simulation

bench: ## the decoder beside other crates, the stored log beside a plain layout
	cargo bench -p tidings-sse
	cargo run --release -p tidings-bench --bin store
