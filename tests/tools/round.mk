# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# build/tools/round, build/tools/orders: hold a script of the cluster to its twin in C

build/tools/round build/tools/orders: build/tools/%: build/obj/tests/tools/%.o build/obj/tests/lib/%_twin.o \
		build/obj/tests/tools/resp.o build/obj/tests/lib/random.o build/obj/user/cluster/script.o
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(q)$(CC) $(normal_link) $(LDFLAGS) -o $@ $^ -lm

test-tools: build/tools/round build/tools/orders
