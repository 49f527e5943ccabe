# SPDX-License-Identifier: GPL-2.0
#
# The daemon's tests, unit and policy folder. Included by ../Makefile.

UNITDIR		?= $(PREFIX)/lib/systemd/system
SYSCONFDIR	?= /etc

# The pure parts, built once more with sanitizers for the tests and fuzz targets.
DAEMON_PURE	:= policy policy_keys policy_parse policy_read uevent arrivals divide weights log \
		qmp control control_text request
# Those that need the event loop, and stand-ins for what is outside.
DAEMON_LOOP	:= monitor backend_qemu backend_libvirt backend_kernel libvirt libvirt_calls balloons service
DAEMON_TESTS	:= policy_test uevent_test weights_test qmp_test control_test backend_test \
		balloons_test kernel_test $(if $(LIBVIRT_CFLAGS),libvirt_test)
DAEMON_FUZZ	:= policy_fuzz uevent_fuzz qmp_fuzz request_fuzz
DAEMON_CHECK	:= $(BUILD)/tests/daemon
DAEMON_SAN	:= -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
DAEMON_OBJECTS	:= $(DAEMON_PURE:%=$(DAEMON_CHECK)/%.o)
DAEMON_STAND	:= $(DAEMON_LOOP:%=$(DAEMON_CHECK)/%.o) $(DAEMON_CHECK)/tests/standin.o
DAEMON_CC	 = $(CC) $(CPPFLAGS_ALL) -std=gnu11 -O1 -g $(WARN) $(DAEMON_SAN) $(JSON_CFLAGS) \
		   $(SYSTEMD_CFLAGS) $(LIBVIRT_CFLAGS) -pthread
DAEMON_LIBS	 = $(STATIC) $(NL_LIBS) $(JSON_LIBS)
FUZZ_ROUNDS	?= 100000

$(DAEMON_CHECK)/%.o: daemon/%.c Makefile daemon/daemon.mk
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(DAEMON_CC) -MMD -MP -c -o $@ $<

$(DAEMON_TESTS:%=$(DAEMON_CHECK)/%): $(DAEMON_CHECK)/%: daemon/tests/%.c daemon/tests/tap.h daemon/tests/told.h \
		tests/tree.h daemon/tests/standin.h $(DAEMON_STAND) $(DAEMON_OBJECTS) $(STATIC)
	$(call say,LD,$@)
	$(Q)$(DAEMON_CC) -o $@ $< $(DAEMON_STAND) $(DAEMON_OBJECTS) $(DAEMON_LIBS) $(SYSTEMD_LIBS)

$(DAEMON_FUZZ:%=$(DAEMON_CHECK)/%): $(DAEMON_CHECK)/%: fuzz/%.c fuzz/mutate.c fuzz/fuzz.h \
		$(DAEMON_OBJECTS) $(STATIC)
	$(call say,LD,$@)
	$(Q)$(DAEMON_CC) -o $@ $< fuzz/mutate.c \
		$(DAEMON_OBJECTS) $(DAEMON_LIBS)

# In the place of libvirt's library.
$(DAEMON_CHECK)/libvirt_standin.so: daemon/tests/libvirt_standin.c daemon/tests/libvirt_standin.h
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(DAEMON_CC) -fPIC -shared -o $@ $<

$(DAEMON_CHECK)/libvirt_test: $(DAEMON_CHECK)/libvirt_standin.so

# libFuzzer looks for new paths by itself, as long as it is given time.
$(DAEMON_FUZZ:%=$(DAEMON_CHECK)/%.libfuzzer): $(DAEMON_CHECK)/%.libfuzzer: fuzz/%.c fuzz/fuzz.h \
		$(DAEMON_PURE:%=daemon/%.c) $(STATIC)
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(FUZZ_CC) $(CPPFLAGS_ALL) -std=gnu11 -O1 -g -Wall -Wextra \
		-fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all $(JSON_CFLAGS) $(SYSTEMD_CFLAGS) \
		-o $@ $< \
		$(DAEMON_PURE:%=daemon/%.c) $(DAEMON_LIBS)

.PHONY: daemon-check
daemon-check: $(DAEMON_TESTS:%=$(DAEMON_CHECK)/%) $(DAEMON_FUZZ:%=$(DAEMON_CHECK)/%)
	@for test in $(DAEMON_TESTS); do \
		$(DAEMON_CHECK)/$$test > $(DAEMON_CHECK)/$$test.tap || \
			{ cat $(DAEMON_CHECK)/$$test.tap; exit 1; }; \
		echo "$$test: $$(grep -c '^ok' $(DAEMON_CHECK)/$$test.tap) passed"; \
	done
	@for fuzz in $(DAEMON_FUZZ); do $(DAEMON_CHECK)/$$fuzz $(FUZZ_ROUNDS) || exit 1; done

.PHONY: daemon-fuzz
daemon-fuzz: $(DAEMON_FUZZ:%=$(DAEMON_CHECK)/%.libfuzzer)
	@for fuzz in $(DAEMON_FUZZ); do \
		$(DAEMON_CHECK)/$$fuzz.libfuzzer -seed=1 -max_total_time=$(FUZZ_SECONDS) \
			-artifact_prefix=$(DAEMON_CHECK)/$$fuzz- > $(DAEMON_CHECK)/$$fuzz.log 2>&1 || \
			{ tail -n 40 $(DAEMON_CHECK)/$$fuzz.log; exit 1; }; \
		tail -n 1 $(DAEMON_CHECK)/$$fuzz.log | sed "s/^/$$fuzz: /"; \
	done

.PHONY: check
check: daemon-check
ifneq ($(LIBFUZZER),)
check: daemon-fuzz
endif

.PHONY: install-daemon
install-daemon:
	$(INSTALL) -d -m 755 $(DESTDIR)$(SYSCONFDIR)/vmqos $(DESTDIR)$(UNITDIR)
	sed -e 's|@SBINDIR@|$(SBINDIR)|' systemd/vmqosd.service.in > $(BUILD)/vmqosd.service
	$(INSTALL) -m 644 $(BUILD)/vmqosd.service $(DESTDIR)$(UNITDIR)/vmqosd.service

install: install-daemon

# Policy files are the administrator's: the folder goes only when it is empty.
.PHONY: uninstall-daemon
uninstall-daemon:
	rm -f $(DESTDIR)$(UNITDIR)/vmqosd.service
	[ ! -d $(DESTDIR)$(SYSCONFDIR)/vmqos ] || \
		rmdir --ignore-fail-on-non-empty $(DESTDIR)$(SYSCONFDIR)/vmqos

uninstall: uninstall-daemon

-include $(DAEMON_OBJECTS:.o=.d) $(DAEMON_STAND:.o=.d)
