# Two commands: `make run` and `make test`. Both set up what they need.

.PHONY: run test lint api contract loom fuzz simulate bench bench-smoke bench-fanout bench-sender help

help:
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile

run: ## build the hub and start it on http://127.0.0.1:8434, history in tidings-data/
	cargo run --release -- serve

test: ## install what the tests need, and run all of them
	scripts/test

lint: ## formatting, clippy, documentation, the public API, dependencies
	scripts/lint

api: ## write down what the published crates offer, after a change that is meant
	scripts/api --write

contract: ## the public tests of SSE clients against ours, where they can be installed
	scripts/contract

loom: ## check the concurrent core by every interleaving
	scripts/loom

fuzz: ## each fuzz target for SECONDS_EACH (default 60)
	scripts/fuzz $${SECONDS_EACH:-60}

simulate: ## cut the power under the stored log, SEEDS times each way (default 20000)
	TIDINGS_SEEDS=$${SEEDS:-20000} cargo test -p tidings-log --lib simulation

bench: ## the decoder beside other crates, the stored log beside a plain layout
	cargo bench -p tidings-sse
	cargo run --release -p tidings-bench --bin store

BENCHED = tidings tidings-body tidings-disk tidings-h2 tidings-h2x100 tidings-rights
YARDSTICKS = bare axum_broadcast
OTHERS = better-sse express go nchan durable-streams
FANOUT = --bin fanout --bin bare --bin axum_broadcast -p tidings-bench
BUILT = $(or $(CARGO_TARGET_DIR),target)
empty :=
comma := ,
commas = $(subst $(empty) $(empty),$(comma),$(strip $(1)))
SMOKED = $(call commas,$(YARDSTICKS) tidings tidings-disk tidings-rights tidings-h2x100)
SHAPES = burst,rate-10k,topics,topics-10k,topics-each,patterns,churn,publishing,stalled,resume

bench-smoke: ## fan-out to 50 readers in every shape: whether each gets every event exactly once. Nothing is timed
	cargo build --workspace --all-targets
	$(BUILT)/debug/fanout run --size smoke --rounds 1 --workloads $(SHAPES) --contenders $(SMOKED) --exact $(SMOKED)

bench-fanout: ## fan-out beside others: installs them, measures ROUNDS times (5) at SIZE (full), writes docs/benchmarks/*.svg
	cargo build --release -p tidings-server --bin tidings $(FANOUT)
	$(BUILT)/release/fanout install --contenders $(call commas,$(OTHERS))
	$(BUILT)/release/fanout run --size $(or $(SIZE),full) --rounds $(or $(ROUNDS),5) --contenders $(call commas,$(YARDSTICKS) $(BENCHED) $(OTHERS)) --out bench/results/fanout.json
	$(BUILT)/release/fanout report bench/results/fanout.json --plots docs/benchmarks

bench-sender: ## the sender's share of fan-out, in a network namespace of its own: after bench-fanout, as root
	$(BUILT)/release/fanout run --netns --size $(or $(SIZE),full) --rounds $(or $(ROUNDS),5) --workloads paced-10k --contenders $(call commas,$(YARDSTICKS) $(BENCHED) $(OTHERS)) --out bench/results/sender.json
