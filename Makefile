# The two commands of the README, and what they are made of.

.PHONY: demo test check bench clean

# Builds Kiln, builds one real Debian package with it, installs the result with apt in a fresh root.
demo:
	scripts/setup.sh run
	scripts/demo.sh

# Everything CI runs.
test:
	scripts/setup.sh test
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --quiet -- -D warnings
	cargo test --workspace --quiet --no-fail-fast

# The fast part of it.
check:
	cargo xtask check

clean:
	cargo clean
