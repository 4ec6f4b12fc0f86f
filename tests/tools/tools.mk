# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Tools that tests of other folders, the benchmarks and the demonstration call: build/tools/NAME

build/tools/flood: $(patsubst tests/%.c,build/obj/tests/%.o,$(filter tests/tools/flood%,$(call native_c,tools))) \
		build/libweir.a
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(q)$(CC) $(normal_link) $(LDFLAGS) -o $@ $^ $(pkg_libs)

build/tools/latencies: build/obj/tests/tools/latencies.o build/libweir.a
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(q)$(CC) $(normal_link) $(LDFLAGS) -o $@ $^ $(pkg_libs) -lm -lpthread

build/tools/gate: build/obj/tests/tools/gate.o
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(q)$(CC) $(normal_link) $(LDFLAGS) -o $@ $^ $(pkg_libs)

$(patsubst %.c,build/obj/%.o,$(call native_c,tools)): | build/tests/tools/flood.skel.h

.PHONY: test-tools
test-tools: build/tools/flood build/tools/gate build/tools/latencies build/tests/tools/bots.bpf.o

-include $(patsubst %.c,build/obj/%.d,$(call native_c,tools))
