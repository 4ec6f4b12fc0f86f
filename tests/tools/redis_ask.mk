# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# build/tools/redis_ask: the worker that talks to Redis, by hand. Under sanitizers: what servers say goes through it

build/tools/redis_ask: build/san/tests/tools/redis_ask.o build/san/libweir.a
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(q)$(CC) $(sanitize) $(LDFLAGS) -o $@ $^ $(pkg_libs) -lm -lpthread

test-tools: build/tools/redis_ask

-include build/san/tests/tools/redis_ask.d
