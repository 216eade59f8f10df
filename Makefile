# SPDX-License-Identifier: Apache-2.0
# The front door: `make demo` and `make test` do everything on a fresh Debian 12, as root.

SHELL := /bin/bash -o pipefail
.DEFAULT_GOAL := help
# npm scripts and this file use the Node of node_modules, whatever the machine has.
export PATH := $(CURDIR)/node_modules/.bin:$(PATH)

NATIVE := build/native/Release/distributor.node
BPF := $(wildcard bpf/*)
C_SOURCES := $(wildcard native/src/*.cc native/src/*.h bpf/*.[ch] test/support/*.[ch] bench/*.[ch] bench/tables/*)
BENCH_TOOLS := build/packet-cost build/throughput build/tables build/first-packet
NATIVE_SOURCES := $(wildcard native/src/*) native/CMakeLists.txt native/package.json
PREFIX ?= /usr
OCTAVIA := integrations/octavia
# Debian's, which sees Debian's OpenStack packages.
PYTHON := /usr/bin/python3
BLACK := $(PYTHON) -m black --quiet --line-length 100
COMPILE_BPF = @clang -g -O2 -Wall -Werror -target bpf -mcpu=v3 \
  -idirafter /usr/include/$$(cc -print-multiarch) -c $< -o $@

.SECONDARY:

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' Makefile

.PHONY: demo
demo: build xdp-pass build/seccomp-run ## the whole job on real traffic, in network namespaces
	@node demo/main.ts

.PHONY: test
test: build octavia xdp-pass build/flood build/seccomp-run build/next/.built ## every test: unit, store, packets, native, real traffic
	vitest run

# Kernels by how their versions begin: those of Debian 12. ACCEL=kvm where QEMU can.
KERNELS ?= 6.1
.PHONY: test-vm
test-vm: build build/.vm xdp-pass build/seccomp-run | build/vm/root ## the installed service on Debian's kernel and systemd, in QEMU (a quarter of an hour; KERNELS="6.1 6.12")
	./test/vm/make-disk.sh build/vm/root build/vm/disk.img
	@node test/vm/main.ts $(KERNELS)

.PHONY: fuzz
fuzz: build ## ten million random and damaged packets (some minutes); SEED=n for others
	@node test/fuzz/main.ts --frames 10000000 $(if $(SEED),--seed $(SEED))

.PHONY: check
check: build octavia ## the fast loop: format, lint, types, unit tests
	@$(MAKE) --no-print-directory --jobs=2 --output-sync=target lint formatting types python unit

.PHONY: lint formatting types python unit
# Only files that changed, where build/ has what was found before: in a fresh clone it is all of them.
lint:
	eslint --cache --cache-location build/eslint --cache-strategy content .
	depcruise --config .dependency-cruiser.json src

formatting:
	prettier --check --log-level warn --cache --cache-location build/prettier .
	clang-format --dry-run --Werror $(C_SOURCES)

types:
	tsc --noEmit --incremental --tsBuildInfoFile build/types.json

python:
	cd $(OCTAVIA) && $(BLACK) --check . ../../test/octavia && \
	  $(PYTHON) -m flake8 . ../../test/octavia && $(PYTHON) -m mypy

unit:
	vitest run --project unit --project octavia --maxWorkers=3

.PHONY: format
format: node_modules/.installed build/.octavia ## format all sources in place
	prettier --write --log-level warn .
	clang-format -i $(C_SOURCES)
	cd $(OCTAVIA) && $(BLACK) . ../../test/octavia

.PHONY: build
build: $(NATIVE) build/proto/distributor.ts ## XDP program, native addon, API types

.PHONY: install
install: build ## install for real, as a systemd service (not started)
	./scripts/install.sh "$(PREFIX)" "$(DESTDIR)"

.PHONY: uninstall
uninstall: ## remove what install made; PURGE=1: state and configuration, too
	PURGE="$(PURGE)" ./scripts/uninstall.sh "$(PREFIX)" "$(DESTDIR)"

.PHONY: clean
clean: ## remove what was built
	rm -rf build

.PHONY: xdp-pass
xdp-pass: build/xdp-pass.o

# What the machine must have. Installs only what is missing.
build/.machine: scripts/prepare-machine.sh
	@mkdir -p build
	./scripts/prepare-machine.sh
	@touch $@

node_modules/.installed: package.json package-lock.json | build/.machine
	npm ci --no-fund --no-audit --loglevel=error
	@touch $@

$(NATIVE): node_modules/.installed $(BPF) $(NATIVE_SOURCES)
	@cmake-js build --directory native --out build/native > build/native.log 2>&1 \
	  || { cat build/native.log; exit 1; }
	@touch $@

build/proto/distributor.ts: node_modules/.installed proto/distributor/v1/distributor.proto
	npm run --silent proto > /dev/null
	@touch $@

build/%.o: test/support/%.bpf.c | build/.machine
	$(COMPILE_BPF)

build/%.o: bench/%.bpf.c | build/.machine
	$(COMPILE_BPF)

# The Python driver, as it would be installed, with messages generated from the .proto.
.PHONY: octavia
octavia: build/octavia/.built

build/.octavia: scripts/prepare-machine.sh | build/.machine
	./scripts/prepare-machine.sh octavia
	@touch $@

build/.vm: scripts/prepare-machine.sh | build/.machine
	./scripts/prepare-machine.sh vm
	@touch $@

# A Debian, as it is on the day; `make clean` has the next run make a new one.
build/vm/root: test/vm/make-root.sh | build/.vm
	./test/vm/make-root.sh $@

build/octavia/.built: build/.octavia proto/distributor/v1/distributor.proto \
  $(wildcard $(OCTAVIA)/*.* $(OCTAVIA)/proto/* $(OCTAVIA)/src/distributord_octavia/*)
	@rm -rf build/octavia/lib
	@cd $(OCTAVIA) && $(PYTHON) -W ignore setup.py --quiet build --build-base $(CURDIR)/build/octavia/base \
	  --build-lib $(CURDIR)/build/octavia/lib egg_info --egg-base $(CURDIR)/build/octavia/lib \
	  > $(CURDIR)/build/octavia.log 2>&1 || { cat $(CURDIR)/build/octavia.log; exit 1; }
	@touch $@

.PHONY: bench
bench: build $(BENCH_TOOLS) xdp-pass ## the whole benchmark (ten minutes): tables, build/bench.json, plots in docs/
	@node bench/main.ts $(SECTIONS)

.PHONY: bench-quick
bench-quick: build $(BENCH_TOOLS) xdp-pass ## the same in two minutes, for a look
	@node bench/main.ts --quick $(SECTIONS)

build/generator.o: bench/generator.h
build/packet-cost: bench/packet-cost.c bench/generator.h build/generator.skel.h
build/throughput.o: bench/throughput.h
build/throughput: bench/throughput.c bench/throughput.h bench/generator.h \
  build/generator.skel.h build/throughput.skel.h
build/flood: test/support/flood.c test/support/flood.h build/flood.skel.h
build/flood.o: test/support/flood.h

build/first-packet: bench/first-packet.c | build/.machine
build/packet-cost build/throughput build/flood build/first-packet:
	@$(CC) -O2 -Wall -Wextra -Werror -Ibuild -o $@ $< -lbpf

TABLES := $(wildcard bench/tables/*.cc) native/src/table-builder.cc native/src/slot-table.cc

build/tables: $(TABLES) $(wildcard bench/tables/*.h native/src/*.h bpf/*.h)
	@$(CXX) -std=c++20 -O2 -Wall -Wextra -Werror -Ibpf -Inative/src -o $@ $(TABLES) -lbpf

# A second build whose maps are laid out differently: for tests of upgrades.
build/next/.built: test/support/next-abi.sh $(NATIVE) build/proto/distributor.ts $(wildcard src/* src/*/*)
	./test/support/next-abi.sh build/next
	@touch $@

# The demo's daemon, too, is confined as the shipped unit confines it.
build/seccomp-run: test/support/seccomp-run.c | build/.machine
	@$(CC) -O2 -Wall -Wextra -Werror -o $@ $< -lseccomp

build/%.skel.h: build/%.o
	@bpftool gen skeleton $< name $*_bpf > $@
