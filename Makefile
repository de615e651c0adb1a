# Two commands do all set-up on a fresh Debian machine and say what they install:
#   make demo    runs the example plan of 45 tasks with scripted agents in a scratch repository
#   make test    checks formatting, lints and tests
# and one more, which also gets the agents themselves from npm:
#   make test-agents    tests with real agents, Claude Code and Codex, against a scripted model
.PHONY: demo demo-screen test test-agents test-all build setup fmt

NEXTEST = cargo nextest run --workspace --no-fail-fast
# Tests wait about as much as they work, so that one more than there are processors goes; and they make many thousands of
# small files: in memory, where there is enough. Real agents have fences of their own, which do not know of that place.
SCRATCH = TMPDIR="$$(scripts/scratch)"
THREADS = --test-threads $$(($$(nproc) + 1))

setup:
	@scripts/setup

build: setup
	cargo build

demo: build
	@demo/run

# The same in the live dashboard.
demo-screen: build
	@demo/run --screen

# The random tests draw from a fixed seed here, so that the same tree gets the same answer; test-all draws anew.
test: export PROPTEST_RNG_SEED = 1
test:
	@scripts/setup --tests
	@scripts/github-openapi
	@scripts/github-clients
	@scripts/mcp-servers
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	$(SCRATCH) $(NEXTEST) $(THREADS)

# Real agents, each with an environment of its own, a key that opens nothing, and a model on loopback.
test-agents:
	@scripts/setup --agents
	@scripts/agent-clis
	$(NEXTEST) --profile agents

# As `test` and `test-agents`, with the long variants: more seeds, more kills, more agents.
test-all:
	@scripts/setup --tests
	@scripts/github-openapi
	@scripts/github-clients
	@scripts/mcp-servers
	@scripts/mcp-conformance
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	PPE_TEST_LONG=1 $(SCRATCH) $(NEXTEST) $(THREADS) --profile long --run-ignored all
	@scripts/setup --agents
	@scripts/agent-clis --all
	$(NEXTEST) --profile all-agents

fmt:
	cargo fmt --all
