# SPDX-License-Identifier: MIT
# A short front for Meson. `make run` and `make test` install what is missing, build, and end with a verdict.
B ?= build
.PHONY: all setup run test soak bench clean
export PATH := /usr/bin:$(PATH)

all: setup
	@ninja -C $(B) -n 2>/dev/null | grep -q 'no work to do' || echo "building in $(B)/ ..."
	@ninja -C $(B) --quiet

setup:
	@tools/bootstrap
	@test -f $(B)/build.ninja || meson setup $(B) $(MESON_ARGS) >$(B).log 2>&1 || { cat $(B).log; exit 1; }
	@rm -f $(B).log

run: all
	@tools/main-job $(B)

test: all
	@tools/run-tests $(B)

soak: all
	@OPENFLT_TEST_SCALE=full tools/run-tests $(B)

bench: all
	@tools/run-bench $(B)

clean:
	rm -rf $(B)
