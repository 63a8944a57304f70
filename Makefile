# make run: build, then compile and run an example. make test: all tests. PRESET chooses how to build.
PRESET ?= release
BUILD := build/$(PRESET)
GANTRY := $(BUILD)/bin/gantry
PACKAGES := g++ cmake ninja-build libgtest-dev libcli11-dev libzstd-dev libzydis-dev python3
EXAMPLE := examples/gcd.clif

.PHONY: run test build packages clean

run: packages
	cmake --preset $(PRESET) >/dev/null
	cmake --build --preset $(PRESET) --target gantry
	@echo "== $(EXAMPLE)"; cat $(EXAMPLE)
	@echo; echo "== machine code"
	$(GANTRY) compile -D $(EXAMPLE)
	@echo; echo "== results of the machine code, then of the interpreter"
	$(GANTRY) run -v $(EXAMPLE)
	$(GANTRY) interpret -v $(EXAMPLE)

test: build
	ctest --test-dir $(BUILD) --output-on-failure -j$$(nproc)

build: packages
	cmake --preset $(PRESET) >/dev/null
	cmake --build --preset $(PRESET)

# Installs only what is missing.
packages:
	@missing=""; for p in $(PACKAGES); do dpkg -s $$p >/dev/null 2>&1 || missing="$$missing $$p"; done; \
	if [ -n "$$missing" ]; then \
	  echo "installing$$missing"; \
	  sudo=""; [ "$$(id -u)" = 0 ] || sudo=sudo; \
	  $$sudo apt-get update -qq && $$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $$missing; \
	fi

clean:
	rm -rf build
