# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Everything is found by wildcard and built under build/; a new source needs no line here:
#   bpf/*.bpf.c tests/**/*.bpf.c   build/X.bpf.o and build/X.skel.h, included as "X.skel.h"
#   user/**/*.c                    build/libweir.a; user/main.c has main() and stays out of it
#   user/**/*.proto                build/user/**/X.pb-c.[ch], included by that name, in libweir.a too
#   tests/{unit,prog,bench}/*.c    a binary for each test_*.c (bench_*.c); the rest are helpers
#   tests/lib/*.c                  helpers of them all
#   tests/fuzz/fuzz_*.c            a libFuzzer target each
#   tests/tools/                   programs the tests call; see its tools.mk
# A folder of tests that needs more says so in a tests/X/*.mk, e.g. LIBS_test_gcra = -lm

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.SECONDARY:
MAKEFLAGS += --no-builtin-rules

# Tools. Another compiler: make CC=gcc-14 CLANG=clang-19
CLANG ?= clang
LLVM_STRIP ?= llvm-strip
# A user's PATH often lacks sbin, where Debian has it
BPFTOOL ?= $(or $(shell command -v bpftool),/usr/sbin/bpftool)
PKG_CONFIG ?= pkg-config
PROTOC_C ?= protoc-c
ifeq ($(origin CC),default)
CC := gcc
endif

# Knobs
WERROR ?= 1
FUZZ_SECONDS ?= 30
V ?= 0
PREFIX ?= /usr/local
SYSCONFDIR ?= /etc
DESTDIR ?=

say = @$(if $(filter 0,$(V)),printf '  %-8s %s\n' '$(1)' '$(2)';)
q = $(if $(filter 0,$(V)),@)
find = $(shell [ ! -d $(1) ] || find $(1) -name '$(2)' | LC_ALL=C sort)

# --- what there is ---------------------------------------------------------------------------

bpf_src := $(wildcard bpf/*.bpf.c)
tests_bpf_src := $(call find,tests,*.bpf.c)
main_src := $(wildcard user/main.c)
lib_src := $(filter-out $(main_src),$(call find,user,*.c))
proto_src := $(call find,user,*.proto)

native_c = $(filter-out %.bpf.c,$(wildcard tests/$(1)/*.c))
unit_src := $(filter tests/unit/test_%,$(call native_c,unit))
prog_src := $(filter tests/prog/test_%,$(call native_c,prog))
bench_src := $(filter tests/bench/bench_%,$(call native_c,bench))
fuzz_src := $(filter tests/fuzz/fuzz_%,$(call native_c,fuzz))

unit_bin := $(unit_src:tests/%.c=build/%)
prog_bin := $(prog_src:tests/%.c=build/%)
bench_bin := $(bench_src:tests/%.c=build/%)
fuzz_bin := $(fuzz_src:tests/%.c=build/%)

skel := $(bpf_src:%.bpf.c=build/%.skel.h)
tests_skel := $(tests_bpf_src:%.bpf.c=build/%.skel.h)
proto_h := $(proto_src:%.proto=build/%.pb-c.h)

# --- flags -----------------------------------------------------------------------------------

packages := libbpf libmicrohttpd yaml-0.1 jansson libcurl libsystemd libcap libprotobuf-c gnutls hiredis
# TLS to Redis, where there is what it needs: not with the hiredis 0.14 of Debian 12
redis_tls_packages := hiredis_ssl openssl
# Asked once, and only when something is compiled or linked
redis_tls = $(eval redis_tls := $$(shell $(PKG_CONFIG) --exists 'hiredis >= 1.0' $(redis_tls_packages) && echo yes))$(redis_tls)
all_packages = $(packages) $(if $(redis_tls),$(redis_tls_packages))
pkg_cflags = $(eval pkg_cflags := $$(shell $(PKG_CONFIG) --cflags $(all_packages)) \
	$(if $(redis_tls),-DWEIR_REDIS_TLS))$(pkg_cflags)
pkg_libs = $(eval pkg_libs := $$(shell $(PKG_CONFIG) --libs $(all_packages)))$(pkg_libs)

werror := $(if $(filter-out 0,$(WERROR)),-Werror)
# What the optimizer of one gcc proves that of another does not: a warning, but no reason to stop
gcc_werror := $(if $(werror),$(werror) -Wno-error=maybe-uninitialized)
warnings := -Wall -Wextra -Wshadow -Wmissing-prototypes -Wstrict-prototypes -Wno-unused-parameter -Wno-missing-field-initializers
track = -MMD -MP -MF $(@:.o=.d)
include_dirs := -I. -Ibuild
base_flags = -std=gnu11 -g -D_GNU_SOURCE= $(warnings) $(include_dirs) $(pkg_cflags)

normal_flags = $(base_flags) $(gcc_werror) -O2 -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fPIE
normal_link := -pie -Wl,-z,relro,-z,now -Wl,--as-needed
sanitize := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
san_flags = $(base_flags) $(gcc_werror) -O1 $(sanitize)
fuzz_flags = $(base_flags) $(werror) -O1 $(sanitize) -fsanitize=fuzzer-no-link

bpf_arch := $(or $(BPF_ARCH),$(shell uname -m | sed -e s/x86_64/x86/ -e s/aarch64/arm64/ \
	-e s/ppc64le/powerpc/ -e s/riscv64/riscv/ -e s/s390x/s390/))
# vmlinux.h is a system header: what a newer clang thinks of it is not ours to mend. The last
# folder is for <asm/*.h>, which clang does not look for when the target is bpf.
bpf_flags = -target bpf -mcpu=v3 -mllvm -disable-block-placement -O2 -g -Wall -Wextra -Wno-unused-parameter $(werror) \
	-D__TARGET_ARCH_$(bpf_arch) -I. -isystem vmlinux -Ibuild \
	-idirafter /usr/include/$(shell $(CC) -print-multiarch)

# --- targets ---------------------------------------------------------------------------------

.PHONY: help
help: ## this list
	@printf 'make TARGET [V=1 shows commands] [WERROR=0 lets warnings pass]\n\n'
	@sed -n 's/^\([a-z][a-z0-9-]*\):[^#]*## \(.*\)/  \1|\2/p' Makefile | awk -F'|' '{ printf "%-14s %s\n", $$1, $$2 }'

.PHONY: deps
deps: ## install what building and testing needs (Debian; as root). DEPS="build test check bench demo"
	scripts/deps.sh $(or $(DEPS),build test)

.PHONY: build
build: $(if $(main_src),build/weir,build/libweir.a) $(skel) ## build/weir

.PHONY: test test-unit test-prog test-e2e test-kernels test-debian13
test: ## all tests, as root; installs what they need. Ends with "N passed, N failed, N skipped"
	scripts/deps.sh build test
	scripts/test.sh unit prog e2e
test-unit: ## unit tests under sanitizers; no root. TESTS="gcra config" picks by name
	scripts/test.sh unit
test-prog: ## the kernel programs, packet in and packet out, by test-run; as root
	scripts/test.sh prog
test-e2e: ## the daemon in network namespaces, and what it does when things break; as root
	scripts/test.sh e2e

.PHONY: bench
test-kernels: ## load and limit on other kernels under emulation: Debian's own, or KERNELS="PACKAGE..."; as root
	scripts/deps.sh build kernels
	$(MAKE) build build/tools/gate
	tests/kernels/run.sh $(KERNELS)

test-debian13: ## build deploy/docker/Dockerfile in a Debian 13 of its own, test there with its compiler and libraries; as root
	scripts/deps.sh build test debian13
	$(MAKE) build test-tools
	tests/debian13/run.sh

bench: ## measure, as root: tests/bench/run.sh
	scripts/deps.sh build bench
	$(MAKE) build bench-binaries
	tests/bench/run.sh

.PHONY: demo
demo: ## see it work on this machine, in namespaces of its own; as root
	scripts/deps.sh build demo
	$(MAKE) build test-tools
	scripts/demo.sh

.PHONY: check
check: ## format, static analysis, house rules; nothing is run
	scripts/check.sh

.PHONY: check-deploy
check-deploy: ## the objects of deploy/kubernetes against the published schemas, and deploy/docker; with node and npm
	@tests/deploy/check.sh

.PHONY: fuzz
fuzz: $(fuzz_bin) ## each fuzzer for FUZZ_SECONDS=30, from tests/fuzz/corpus/NAME
	scripts/fuzz.sh $(FUZZ_SECONDS) $(fuzz_bin)

.PHONY: vmlinux
vmlinux: ## renew vmlinux/vmlinux.h from the running kernel; rarely needed, see the script
	scripts/vmlinux.sh

.PHONY: install
install: build ## into DESTDIR and PREFIX=/usr/local, with the service; never overwrites a configuration
	install -D -m 755 build/weir $(DESTDIR)$(PREFIX)/sbin/weir
	@for page in $(wildcard docs/man/*.8 docs/man/*.5); do \
		install -v -D -m 644 $$page $(DESTDIR)$(PREFIX)/share/man/man$${page##*.}/$${page##*/} || exit; \
	done
	@[ ! -e scripts/completion/weir.bash ] || install -v -D -m 644 scripts/completion/weir.bash \
		$(DESTDIR)$(PREFIX)/share/bash-completion/completions/weir
	@mkdir -p build/install && for file in weir.service weir.sysusers weir.tmpfiles; do \
		sed 's|/usr/local/|$(PREFIX)/|; s|/etc/|$(SYSCONFDIR)/|' deploy/systemd/$$file \
			> build/install/$$file || exit; \
	done
	install -v -D -m 644 build/install/weir.service $(DESTDIR)$(PREFIX)/lib/systemd/system/weir.service
	install -v -D -m 644 build/install/weir.sysusers $(DESTDIR)$(PREFIX)/lib/sysusers.d/weir.conf
	install -v -D -m 644 build/install/weir.tmpfiles $(DESTDIR)$(PREFIX)/lib/tmpfiles.d/weir.conf
	@[ ! -e deploy/weir.yaml ] || { [ -e $(DESTDIR)$(SYSCONFDIR)/weir/weir.yaml ] && \
		echo "$(DESTDIR)$(SYSCONFDIR)/weir/weir.yaml is there already, left alone"; } || \
		install -v -D -m 640 deploy/weir.yaml $(DESTDIR)$(SYSCONFDIR)/weir/weir.yaml
	@[ -n "$(DESTDIR)" ] || [ ! -d /run/systemd/system ] || { systemd-sysusers $(PREFIX)/lib/sysusers.d/weir.conf && \
		systemd-tmpfiles --create $(PREFIX)/lib/tmpfiles.d/weir.conf && systemctl daemon-reload; }

.PHONY: clean
clean: ## remove build/
	rm -rf build

# What scripts/test.sh and scripts/check.sh ask for
.PHONY: unit-binaries prog-binaries bench-binaries fuzz-binaries
unit-binaries: $(unit_bin)
prog-binaries: $(prog_bin)
bench-binaries: $(bench_bin)
fuzz-binaries: $(fuzz_bin)

# --- stamps: files that change only when what they hold does ---------------------------------

revision = $(shell git describe --always --dirty --abbrev=12 --exclude='*' 2>/dev/null || echo unknown)
stamp_version = $(shell cat VERSION) $(revision)
stamp_flags = $(CC) $(CLANG) $(CFLAGS) $(CPPFLAGS) $(LDFLAGS) $(werror) $(redis_tls) $(shell cksum < Makefile)
stamp_sources = $(lib_src) $(proto_src)

build/stamp/%: FORCE
	@mkdir -p $(@D)
	@printf '%s\n' '$(stamp_$*)' > $@.new
	@if cmp -s $@.new $@; then rm $@.new; else mv $@.new $@; fi

.PHONY: FORCE
FORCE:

# --- kernel ----------------------------------------------------------------------------------

.PHONY: tools
tools:
	@for tool in '$(CC)' '$(CLANG)' '$(LLVM_STRIP)' '$(BPFTOOL)' '$(PKG_CONFIG)' '$(PROTOC_C)'; do \
		command -v $${tool%% *} > /dev/null || { echo "$$tool is missing: run 'make deps' as root" >&2; exit 1; }; \
	done
	@$(PKG_CONFIG) --print-errors --exists $(packages) || \
		{ echo "a library is missing: run 'make deps' as root" >&2; exit 1; }

build/%.bpf.o: %.bpf.c vmlinux/vmlinux.h build/stamp/flags | tools
	$(call say,BPF,$@)
	@mkdir -p $(@D)
	$(q)$(CLANG) $(bpf_flags) $(BPF_CFLAGS) $(track) -c $< -o $@
	$(q)$(LLVM_STRIP) -g $@

# By way of a temporary file: a failed bpftool leaves an empty one
build/%.skel.h: build/%.bpf.o
	$(call say,SKEL,$@)
	$(q)$(BPFTOOL) gen skeleton $< > $@.new
	$(q)mv $@.new $@

build/%.pb-c.c build/%.pb-c.h: %.proto | tools
	$(call say,PROTO,build/$*.pb-c.c)
	@mkdir -p $(@D)
	$(q)$(PROTOC_C) --c_out=build $<

# --- user space: the same sources three times ------------------------------------------------

# $(1) name of the build, $(2) folder, $(3) compiler
define variant
build/$(2)/%.o: %.c build/stamp/flags | tools
	$$(call say,CC,$$@)
	@mkdir -p $$(@D)
	$(q)$(3) $$($(1)_flags) $$(extra) $$(CPPFLAGS) $$(CFLAGS) $$(track) -c $$< -o $$@

build/$(2)/%.pb-c.o: build/%.pb-c.c build/stamp/flags | tools
	$$(call say,CC,$$@)
	@mkdir -p $$(@D)
	$(q)$(3) $$($(1)_flags) $$(CPPFLAGS) $$(CFLAGS) $$(track) -c $$< -o $$@

build/$(2)/libweir.a: $(lib_src:%.c=build/$(2)/%.o) $(proto_src:%.proto=build/$(2)/%.pb-c.o) build/stamp/sources
	$$(call say,AR,$$@)
	@mkdir -p $$(@D)
	$(q)rm -f $$@ && ar rcs $$@ $$(filter %.o,$$^)

build/$(2)/user/base/version.o: build/stamp/version
build/$(2)/user/base/version.o: extra = -DWEIR_VERSION='"$$(word 1,$$(stamp_version))"' \
	-DWEIR_REVISION='"$$(word 2,$$(stamp_version))"'

# Taken in by the assembler, of which the compiler's dependencies say nothing
build/$(2)/user/cluster/script.o: $(wildcard user/cluster/*.lua)

# What is made, not written, must be there before the compiler has said who needs it
$(filter build/$(2)/user/datapath/%,$(lib_src:%.c=build/$(2)/%.o)): | $(skel)
$(filter build/$(2)/user/metrics/%,$(lib_src:%.c=build/$(2)/%.o)): | $(proto_h)
endef
$(eval $(call variant,normal,obj,$(CC)))
$(eval $(call variant,san,san,$(CC)))
$(eval $(call variant,fuzz,fuzzobj,$(CLANG)))

build/libweir.a: build/obj/libweir.a
	$(q)cp $< $@

build/weir: build/obj/user/main.o build/libweir.a
	$(call say,LINK,$@)
	$(q)$(CC) $(normal_link) $(LDFLAGS) -o $@ $^ $(pkg_libs) -lm -lpthread

# The daemon under sanitizers: WEIR=build/san/weir make test-e2e
build/san/weir: build/san/user/main.o build/san/libweir.a
	$(call say,LINK,$@)
	$(q)$(CC) $(sanitize) $(LDFLAGS) -o $@ $^ $(pkg_libs) -lm -lpthread

# --- tests -----------------------------------------------------------------------------------

# $(1) folder of tests/, $(2) folder of its objects, $(3) how sources with a main() begin
helpers = $(patsubst %.c,build/$(2)/%.o,$(call native_c,lib) \
	$(filter-out tests/$(1)/$(3)%,$(call native_c,$(1))))

build/unit/%: build/san/tests/unit/%.o $(call helpers,unit,san,test_) build/san/libweir.a
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(q)$(CC) $(sanitize) $(LDFLAGS) -o $@ $^ $(LIBS_$*) -lcmocka $(pkg_libs) -lm -lpthread

build/prog/%: build/obj/tests/prog/%.o $(call helpers,prog,obj,test_) build/libweir.a
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(q)$(CC) $(normal_link) $(LDFLAGS) -o $@ $^ $(LIBS_$*) -lcmocka $(pkg_libs) -lm -lpthread

build/bench/%: build/obj/tests/bench/%.o $(call helpers,bench,obj,bench_) build/libweir.a
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(q)$(CC) $(normal_link) $(LDFLAGS) -o $@ $^ $(LIBS_$*) $(pkg_libs) -lm -lpthread

build/fuzz/%: build/fuzzobj/tests/fuzz/%.o $(call helpers,fuzz,fuzzobj,fuzz_) build/fuzzobj/libweir.a
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(q)$(CLANG) $(sanitize) -fsanitize=fuzzer $(LDFLAGS) -o $@ $^ $(LIBS_$*) $(pkg_libs) -lm -lpthread

$(patsubst %.c,build/obj/%.o,$(call native_c,prog) $(call native_c,bench)): | $(skel) $(tests_skel)
build/fuzzobj/tests/fuzz/%.o: extra = -Wno-missing-prototypes

-include $(wildcard tests/*/*.mk)
-include $(patsubst %,build/%.d,$(basename $(bpf_src) $(tests_bpf_src)))
-include $(foreach dir,obj san fuzzobj,$(patsubst %.c,build/$(dir)/%.d,$(lib_src) $(main_src) \
	$(proto_src:%.proto=%.pb-c.c) \
	$(foreach kind,lib unit prog bench fuzz,$(call native_c,$(kind)))))
