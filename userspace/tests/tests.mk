# SPDX-License-Identifier: GPL-2.0
#
# Tests of the library and the tool, against a kernel of our own. Included by
# ../Makefile.

TEST_DIR	:= $(BUILD)/tests
TESTS		:= text_test cpu_test cgroup_test process_test request_test policy_request_test
# The library but for its transport, in whose place is the fake kernel.
TEST_LIB_OBJS	:= $(filter-out %/transport.o,$(LIB_OBJS))
FAKE_OBJS	:= $(TEST_DIR)/fake_kernel.o $(TEST_DIR)/fake_vms.o $(TEST_DIR)/fake_policy.o \
		   $(TEST_DIR)/fake_pages.o $(TEST_DIR)/fake_balloon.o
LIB_FUZZ	:= cmdline_fuzz answer_fuzz
LIB_FUZZ_ROUNDS	?= 100000
# Logic of the module that is compiled here as well, with stand-ins for the kernel's
# headers in tests/kernel, and without the library.
PURE		:= entitlement policy
PURE_TESTS	:= $(PURE:%=%_test)
PURE_FUZZ	:= entitlement_fuzz
PURE_OBJS	:= $(PURE:%=$(TEST_DIR)/pure/%.o)
PURE_CPPFLAGS	:= -Itests/kernel -I../kmod/cpu -I../kmod
# Of another module, with a fuzz target and a corpus of its own.
RING		:= vq access list ranges
RING_FUZZ	:= ring_fuzz
RING_OBJS	:= $(RING:%=$(TEST_DIR)/pure/%.o)
RING_CORPUS	:= fuzz/corpus/ring
# Each run has a guest's memory to fill.
RING_ROUNDS	?= 20000

$(TEST_DIR)/%.o: tests/%.c Makefile tests/tests.mk
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS_ALL) -I../uapi $(CFLAGS_ALL) $(NL_CFLAGS) -MMD -MP -c -o $@ $<

$(TESTS:%=$(TEST_DIR)/%): $(TEST_DIR)/%: $(TEST_DIR)/%.o $(FAKE_OBJS) $(TEST_LIB_OBJS)
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $< $(FAKE_OBJS) $(TEST_LIB_OBJS) $(NL_LIBS) -lm

$(TEST_DIR)/pure/%.o: ../kmod/cpu/%.c Makefile tests/tests.mk
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(PURE_CPPFLAGS) $(CFLAGS_ALL) -MMD -MP -c -o $@ $<

$(TEST_DIR)/pure/%.o: ../kmod/virtio/%.c Makefile tests/tests.mk
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) -D_GNU_SOURCE $(PURE_CPPFLAGS) $(CFLAGS_ALL) -MMD -MP -c -o $@ $<

$(PURE_TESTS:%=$(TEST_DIR)/%.o) $(PURE_FUZZ:%=$(TEST_DIR)/fuzz/%.o) \
		$(RING_FUZZ:%=$(TEST_DIR)/fuzz/%.o): NL_CFLAGS += $(PURE_CPPFLAGS)

$(PURE_TESTS:%=$(TEST_DIR)/%): $(TEST_DIR)/%: $(TEST_DIR)/%.o $(PURE_OBJS)
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^

$(PURE_FUZZ:%=$(TEST_DIR)/%): $(TEST_DIR)/%: $(TEST_DIR)/fuzz/%.o $(TEST_DIR)/fuzz/mutate.o \
		$(PURE_OBJS)
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^

$(RING_FUZZ:%=$(TEST_DIR)/%): $(TEST_DIR)/%: $(TEST_DIR)/fuzz/%.o $(TEST_DIR)/fuzz/mutate.o \
		$(RING_OBJS)
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^

$(TEST_DIR)/fuzz/%.o: fuzz/%.c Makefile tests/tests.mk
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS_ALL) -I../uapi $(CFLAGS_ALL) $(NL_CFLAGS) -MMD -MP -c -o $@ $<

$(LIB_FUZZ:%=$(TEST_DIR)/%): $(TEST_DIR)/%: $(TEST_DIR)/fuzz/%.o $(TEST_DIR)/fuzz/mutate.o \
		$(FAKE_OBJS) $(TEST_LIB_OBJS)
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(NL_LIBS)

# The tool with the fake kernel inside.
$(TEST_DIR)/vmqos: $(CLI_OBJS) $(FAKE_OBJS) $(TEST_LIB_OBJS)
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(NL_LIBS) $(JSON_LIBS) $(CURSES_LIBS) -lm

.PHONY: check-lib check-variant
check-variant: $(TESTS:%=$(TEST_DIR)/%) $(PURE_TESTS:%=$(TEST_DIR)/%) \
		$(LIB_FUZZ:%=$(TEST_DIR)/%) $(PURE_FUZZ:%=$(TEST_DIR)/%) \
		$(RING_FUZZ:%=$(TEST_DIR)/%) $(TEST_DIR)/vmqos \
		$(if $(SANITIZE),,$(BUILD)/vmqosd)
	@for test in $(TESTS) $(PURE_TESTS); do \
		echo "# $$test$(if $(SANITIZE), with sanitizers)"; \
		$(TEST_DIR)/$$test || exit 1; \
	done
	@for fuzz in $(LIB_FUZZ) $(PURE_FUZZ); do $(TEST_DIR)/$$fuzz $(LIB_FUZZ_ROUNDS) || exit 1; done
	@$(TEST_DIR)/ring_fuzz $(RING_ROUNDS) $(wildcard $(RING_CORPUS)/*)
	@tests/snapshots $(TEST_DIR)/vmqos
	@tests/completion $(TEST_DIR)/vmqos $(if $(SANITIZE),,$(BUILD)/vmqosd)
	@tests/screen $(TEST_DIR)/vmqos

# The program in the manual page compiles and says what is missing.
$(TEST_DIR)/man_example: man/libvmqos.3 $(BUILD)/libvmqos.so
	@mkdir -p $(@D)
	$(Q)sed -n '/^\.Bd -literal/,/^\.Ed/{/^\./d;s/\\e/\\/g;p}' $< > $@.c
	$(Q)$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) $(LDFLAGS_ALL) $(RPATH)/.. -o $@ $@.c \
		-L$(BUILD) -lvmqos

check-variant: $(TEST_DIR)/man_example

check-lib: check-variant
	$(Q)$(MAKE) --no-print-directory BUILD=$(BUILD)/sanitized SANITIZE=1 check-variant

.PHONY: check
check: check-lib

# libFuzzer looks for new paths by itself, as long as it is given time. The whole
# library is built by clang for it.
$(LIB_FUZZ:%=$(TEST_DIR)/%.libfuzzer): $(TEST_DIR)/%.libfuzzer: fuzz/%.c fuzz/fuzz.h \
		$(filter-out lib/transport.c,$(wildcard lib/*.c)) tests/fake_kernel.c tests/fake_vms.c \
		tests/fake_policy.c tests/fake_pages.c tests/fake_balloon.c
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(FUZZ_CC) $(CPPFLAGS_ALL) -I../uapi $(NL_CFLAGS) -std=gnu11 -O1 -g -Wall -Wextra \
		-fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all -o $@ \
		$(filter %.c,$^) $(NL_LIBS)

$(PURE_FUZZ:%=$(TEST_DIR)/%.libfuzzer): $(TEST_DIR)/%.libfuzzer: fuzz/%.c fuzz/fuzz.h \
		tests/entitle_rules.h $(PURE:%=../kmod/cpu/%.c)
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(FUZZ_CC) $(CPPFLAGS_ALL) $(PURE_CPPFLAGS) -std=gnu11 -O1 -g -Wall -Wextra \
		-fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all -o $@ $(filter %.c,$^)

$(RING_FUZZ:%=$(TEST_DIR)/%.libfuzzer): $(TEST_DIR)/%.libfuzzer: fuzz/%.c fuzz/fuzz.h \
		$(RING:%=../kmod/virtio/%.c)
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(FUZZ_CC) $(CPPFLAGS_ALL) $(PURE_CPPFLAGS) -std=gnu11 -O1 -g -Wall -Wextra \
		-fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all -o $@ $(filter %.c,$^)

# It begins with the corpus in the tree, and what it finds beyond that stays outside.
.PHONY: ring-fuzz
ring-fuzz: $(TEST_DIR)/ring_fuzz.libfuzzer
	@rm -rf $(TEST_DIR)/ring-found && mkdir -p $(TEST_DIR)/ring-found
	@$< -seed=1 -max_len=4096 -timeout=20 -max_total_time=$(FUZZ_SECONDS) \
		-artifact_prefix=$(TEST_DIR)/ring_fuzz- $(TEST_DIR)/ring-found $(RING_CORPUS) \
		> $(TEST_DIR)/ring_fuzz.log 2>&1 || { tail -n 40 $(TEST_DIR)/ring_fuzz.log; exit 1; }
	@tail -n 1 $(TEST_DIR)/ring_fuzz.log | sed "s/^/ring_fuzz: /"

.PHONY: lib-fuzz
lib-fuzz: $(LIB_FUZZ:%=$(TEST_DIR)/%.libfuzzer) $(PURE_FUZZ:%=$(TEST_DIR)/%.libfuzzer)
	@for fuzz in $(LIB_FUZZ) $(PURE_FUZZ); do \
		$(TEST_DIR)/$$fuzz.libfuzzer -seed=1 -max_len=1024 -max_total_time=$(FUZZ_SECONDS) \
			-artifact_prefix=$(TEST_DIR)/$$fuzz- > $(TEST_DIR)/$$fuzz.log 2>&1 || \
			{ tail -n 40 $(TEST_DIR)/$$fuzz.log; exit 1; }; \
		tail -n 1 $(TEST_DIR)/$$fuzz.log | sed "s/^/$$fuzz: /"; \
	done

ifneq ($(LIBFUZZER),)
check: lib-fuzz ring-fuzz
endif

# Writes what the tool prints now as what it is to print.
.PHONY: snapshots
snapshots: $(TEST_DIR)/vmqos
	tests/snapshots --update $(TEST_DIR)/vmqos

-include $(wildcard $(TEST_DIR)/*.d $(TEST_DIR)/fuzz/*.d $(TEST_DIR)/pure/*.d)
