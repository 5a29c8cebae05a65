# Tarn. `make` builds release into build/; `make help` lists the targets and the variables.
MODE ?= release
# A sanitizer only sees the blocks that come from its own malloc.
MALLOC ?= $(if $(filter asan tsan fuzz,$(MODE)),libc,jemalloc)
ifeq ($(origin CC),default)
CC = $(if $(filter fuzz,$(MODE)),$(firstword $(shell command -v clang-14 clang)),gcc)
endif
BUILD ?= build
PREFIX ?= /usr/local
CLANG_FORMAT ?= $(firstword $(shell command -v clang-format-14 clang-format))

WARN = -Wall -Wextra -Werror -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wundef -Wpointer-arith -Wvla
CPPFLAGS += -Isrc -D_GNU_SOURCE
CFLAGS_COMMON = -std=c17 -g -fno-strict-aliasing -fno-omit-frame-pointer -fstack-protector-strong $(WARN)
LIBS = -llzf -lisal -lxxhash -lpthread -lm
ifeq ($(MALLOC),jemalloc)
CPPFLAGS += -DTARN_JEMALLOC
LIBS += -ljemalloc
endif

# Without the accounts of keys and the biggest keys (keyspace/account.h): only to measure what they cost.
ifeq ($(ACCOUNTS),0)
CPPFLAGS += -DTARN_NO_ACCOUNTS
endif

# HTTP is parsed by llhttp, compiled from the sources in Debian's node-llhttp; without that package there is no HTTP.
LLHTTP ?= /usr/share/llhttp
LLHTTP_SRCS = $(wildcard $(LLHTTP)/*.c)
ifneq ($(LLHTTP_SRCS),)
CPPFLAGS += -DTARN_HTTP -DLLHTTP_STRICT_MODE=1 -isystem $(LLHTTP)/../include/llhttp
else
$(warning No llhttp in $(LLHTTP) (package node-llhttp): building without HTTP)
endif

# The plots of the dashboard are drawn by dygraphs, embedded from Debian's libjs-dygraphs; without it (DYGRAPHS=) the page has tables.
DYGRAPHS ?= $(patsubst %/dygraph.min.js,%,$(wildcard /usr/share/javascript/dygraphs/dygraph.min.js))

# The prompt of tarn-cli is edited by libedit, and tarn-cli top draws by ncurses; it is built without them where they are not there.
LIBEDIT ?= $(wildcard /usr/include/histedit.h)
NCURSES ?= $(wildcard /usr/include/ncurses.h)
CLI_FLAGS = $(if $(LIBEDIT),-DTARN_LIBEDIT) $(if $(NCURSES),-DTARN_NCURSES)
CLI_LIBS = $(if $(LIBEDIT),-ledit) $(if $(NCURSES),-lncursesw)

# The server is optimized as a whole when it is linked, which takes half a minute; LTO= leaves that out. The objects hold ordinary
# code too, for the tests. Clang 14 cannot put both into one.
LTO ?= $(if $(findstring clang,$(CC)),,auto)

ifeq ($(MODE),release)
CFLAGS += -O3 -D_FORTIFY_SOURCE=2 $(if $(LTO),-flto=$(LTO) -ffat-lto-objects)
LDFLAGS += $(if $(LTO),-fno-lto)
$(BUILD)/tarn-server: private LDFLAGS := $(LDFLAGS:-fno-lto=-flto=$(LTO))
else ifeq ($(MODE),asan)
CFLAGS += -O1 -DTARN_DEBUG -fsanitize=address,undefined -fno-sanitize-recover=undefined
LDFLAGS += -fsanitize=address,undefined
else ifeq ($(MODE),ubsan)
CFLAGS += -O1 -DTARN_DEBUG -fsanitize=undefined -fno-sanitize-recover=undefined
LDFLAGS += -fsanitize=undefined
else ifeq ($(MODE),tsan)
CFLAGS += -O1 -DTARN_DEBUG -fsanitize=thread
LDFLAGS += -fsanitize=thread
else ifeq ($(MODE),fuzz)
CFLAGS += -O1 -DTARN_DEBUG -fsanitize=address,undefined,fuzzer-no-link -fno-sanitize-recover=undefined
LDFLAGS += -fsanitize=address,undefined
else
$(error MODE=$(MODE)? release, asan, ubsan, tsan or fuzz)
endif

OUT = $(if $(filter release,$(MODE)),$(BUILD),$(BUILD)/$(MODE))
OBJ = $(OUT)/obj
SRCS = $(filter-out src/server/main.c,$(wildcard src/*/*.c))
OBJS = $(SRCS:%.c=$(OBJ)/%.o) $(OBJ)/web/page.o $(patsubst $(LLHTTP)/%.c,$(OBJ)/llhttp/%.o,$(LLHTTP_SRCS))
UNIT = $(patsubst tests/unit/%.c,$(OUT)/unit/%,$(wildcard tests/unit/*/*.c))
TOOLS = $(OUT)/tests/differential/differ $(patsubst %.c,$(OUT)/%,$(wildcard tests/bench/*.c))
FUZZERS = $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
CLI_SRCS = $(wildcard tools/cli/*.c)
CHECK_SRCS = $(wildcard tools/check/*.c)
FORMATTED = $(wildcard src/*/*.[ch] tools/*/*.[ch] tests/unit/*/*.[ch] tests/fuzz/*.[ch] tests/bench/*.[ch] tests/differential/*.[ch] tests/power/*.[ch])

# Commands are shown as they are with V=1, else by what they make.
say = $(if $(V),,@echo "  $@"; )

all: $(OUT)/tarn-server $(if $(CLI_SRCS),$(OUT)/tarn-cli) $(if $(CHECK_SRCS),$(OUT)/tarn-check)

$(OUT)/tarn-server: $(OBJ)/src/server/main.o $(OUT)/libtarn.a
	$(say)$(CC) $(LDFLAGS) -o $@ $^ $(LIBS)
# For tests/web: the same server with the plain page.
$(OUT)/web/plain-server: $(OBJ)/src/server/main.o $(OBJ)/web/plain.o $(OUT)/libtarn.a
	$(say)$(CC) $(LDFLAGS) -o $@ $^ $(LIBS)
$(OUT)/tarn-cli: $(CLI_SRCS:%.c=$(OBJ)/%.o) $(OUT)/libtarn.a
	$(say)$(CC) $(LDFLAGS) -o $@ $^ $(LIBS) $(CLI_LIBS)
$(CLI_SRCS:%.c=$(OBJ)/%.o): private CPPFLAGS += $(CLI_FLAGS)
$(OUT)/tarn-check: $(CHECK_SRCS:%.c=$(OBJ)/%.o) $(OUT)/libtarn.a
	$(say)$(CC) $(LDFLAGS) -o $@ $^ $(LIBS)
$(OUT)/libtarn.a: $(OBJS)
	@rm -f $@
	$(say)ar rcs $@ $(OBJS)
# What an object depends on beyond its source: the flags it was built with.
$(OBJS) $(OBJ)/src/server/main.o $(CLI_SRCS:%.c=$(OBJ)/%.o) $(CHECK_SRCS:%.c=$(OBJ)/%.o): $(OUT)/flags
$(OBJ)/%.o: %.c
	@mkdir -p $(@D)
	$(say)$(CC) $(CPPFLAGS) $(CFLAGS_COMMON) $(CFLAGS) -MMD -MP -c -o $@ $<
# Not ours, so without our warnings.
$(OBJ)/llhttp/%.o: $(LLHTTP)/%.c
	@mkdir -p $(@D)
	$(say)$(CC) $(CPPFLAGS) $(filter-out -W%,$(CFLAGS_COMMON)) -w $(CFLAGS) -c -o $@ $<
# The dashboard: one page, as the bytes of an array; plain is that of a build without dygraphs, whatever is there.
$(OUT)/web/page.c: scripts/embed.sh $(wildcard web/*) $(OUT)/web/dygraphs
	$(say)sh scripts/embed.sh web $(DYGRAPHS) > $@.new && mv $@.new $@
$(OUT)/web/plain.c: scripts/embed.sh $(wildcard web/*) $(OUT)/web/dygraphs
	$(say)sh scripts/embed.sh web > $@.new && mv $@.new $@
$(OUT)/web/dygraphs: .FORCE
	@mkdir -p $(@D)
	@echo '$(DYGRAPHS)' | cmp -s - $@ || echo '$(DYGRAPHS)' > $@
$(OBJ)/web/%.o: $(OUT)/web/%.c
	@mkdir -p $(@D)
	$(say)$(CC) $(CPPFLAGS) $(CFLAGS_COMMON) $(CFLAGS) -c -o $@ $<
# Unit tests link the whole library; the linker takes what each needs.
$(OUT)/unit/%: tests/unit/%.c $(OUT)/libtarn.a
	@mkdir -p $(@D)
	$(say)$(CC) $(CPPFLAGS) -Itests $(CFLAGS_COMMON) $(CFLAGS) $(LDFLAGS) -MMD -MP -MF $@.d -o $@ $< $(OUT)/libtarn.a -lcmocka $(LIBS)
# Programs of the tests that stand beside the server: they share nothing with it, and may link the library.
$(OUT)/tests/%: tests/%.c $(OUT)/libtarn.a
	@mkdir -p $(@D)
	$(say)$(CC) $(CPPFLAGS) $(CFLAGS_COMMON) $(CFLAGS) $(LDFLAGS) -MMD -MP -MF $@.d -o $@ $< $(OUT)/libtarn.a $(LIBS)
# The differential runner is several files, and stands alone so that a fault of ours cannot hide in it.
$(OUT)/tests/differential/differ: $(wildcard tests/differential/*.[ch])
	@mkdir -p $(@D)
	$(say)$(CC) $(CPPFLAGS) $(CFLAGS_COMMON) -O2 -o $@ $(filter %.c,$^)
# States that a disk could hold after a loss of power.
$(OUT)/tests/power/power: $(wildcard tests/power/*.[ch] tests/unit/*/*.h) $(OUT)/libtarn.a
	@mkdir -p $(@D)
	$(say)$(CC) $(CPPFLAGS) -Itests $(CFLAGS_COMMON) $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.c,$^) $(OUT)/libtarn.a -lcmocka $(LIBS)
$(OUT)/fuzz_%: tests/fuzz/fuzz_%.c $(OUT)/libtarn.a
	$(say)$(CC) $(CPPFLAGS) -Itests $(CFLAGS_COMMON) $(CFLAGS) $(LDFLAGS) -fsanitize=fuzzer -MMD -MP -MF $@.d -o $@ $< $(OUT)/libtarn.a $(LIBS)
$(OUT)/flags: .FORCE
	@mkdir -p $(@D)
	@echo '$(CC) $(CPPFLAGS) $(CFLAGS_COMMON) $(CFLAGS) $(LDFLAGS) $(LIBS) $(CLI_FLAGS)' | cmp -s - $@ || \
	    echo '$(CC) $(CPPFLAGS) $(CFLAGS_COMMON) $(CFLAGS) $(LDFLAGS) $(LIBS) $(CLI_FLAGS)' > $@
-include $(shell find $(OUT) -path $(OUT)/deb -prune -o -type f -name '*.d' -print 2>/dev/null)

# Sanitizer builds are slower, and their tests wait longer. TSan wants the address space unshuffled where it may be.
SLOW = $(if $(filter tsan,$(MODE)),8,$(if $(filter asan ubsan,$(MODE)),4,1))
WRAP = $(if $(filter tsan,$(MODE)),$(shell setarch -R true 2>/dev/null && echo setarch -R))
export ASAN_OPTIONS ?= detect_stack_use_after_return=1:strict_string_checks=1:abort_on_error=0
export LSAN_OPTIONS ?= suppressions=$(CURDIR)/scripts/lsan.supp:print_suppressions=0
export UBSAN_OPTIONS ?= print_stacktrace=1
export TSAN_OPTIONS ?= second_deadlock_stack=1:history_size=4
J ?= 2
# ONLY=name,name: some files of the integration tests, some programs of the unit tests, some rows of the bench.
ONLY ?=
SECONDS ?= 60
COUNT ?= 200000
STATES ?= 5000
SEED ?=
# The differential runner: mostly commands of one family (tests/differential/generate*.c), such as bitmap.
FAMILY ?=

# Every program is run, also after one has failed.
unit: $(UNIT)
	@TARN_WRAP='$(WRAP)' sh scripts/run-unit.sh $(J) $(if $(ONLY),$(foreach word,$(subst $(comma), ,$(ONLY)),$(foreach u,$(UNIT),$(if $(findstring $(word),$(u)),$(u)))),$(UNIT))
integration: all
	@tclsh tests/integration/run.tcl -j $(J) -server $(OUT)/tarn-server -oracle $$(sh scripts/oracle.sh $(OUT)) -slow $(SLOW) -wrap '$(WRAP)' $(if $(ONLY),-only '$(ONLY)')
# The same random commands to Tarn and to redis-server, replies compared; see tests/differential/differ.c.
differential: all $(OUT)/tests/differential/differ
	@sh scripts/differential.sh $(OUT) $(COUNT) '$(SEED)' $(FAMILY)
# What a disk may hold after a loss of power, STATES times over.
power: all $(OUT)/tests/power/power
	@sh scripts/power.sh $(OUT) $(STATES) $(SEED)
# What takes too long for every commit: scripts/long.sh lists the steps (STEP="name name" selects).
long:
	@sh scripts/long.sh $(STEP)
# make fuzz T=name SECONDS=60 SEED=. New inputs stay in build/; the corpus of the tree is only read.
fuzz:
	@test -n '$(T)' || { echo 'make fuzz T=name, one of: $(FUZZERS)'; exit 2; }
	$(MAKE) MODE=fuzz $(BUILD)/fuzz/fuzz_$(T)
	@mkdir -p $(BUILD)/fuzz/found/$(T)
	$(BUILD)/fuzz/fuzz_$(T) -max_total_time=$(SECONDS) $(if $(SEED),-seed=$(SEED)) -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
	    -artifact_prefix=$(BUILD)/fuzz/ $(BUILD)/fuzz/found/$(T) $(wildcard tests/fuzz/corpus/$(T))
asan ubsan tsan:
	$(MAKE) MODE=$@ all
	$(MAKE) MODE=$@ unit
	$(MAKE) MODE=$@ integration
# Everything that CI runs. scripts/check.sh lists the steps, and runs one by its name.
check:
	@sh scripts/check.sh $(STEP)
bench: all $(TOOLS) $(if $(or $(if $(ONLY),,x),$(findstring accounts,$(ONLY))),no-accounts)
	@BUILD=$(OUT) ONLY='$(ONLY)' QUICK='$(QUICK)' ROUNDS='$(ROUNDS)' sh scripts/bench.sh
# For the row that shows what the accounts of keys cost.
.PHONY: no-accounts
no-accounts:
	@$(MAKE) ACCOUNTS=0 BUILD=$(BUILD)/no-accounts $(BUILD)/no-accounts/tarn-server
format:
	$(CLANG_FORMAT) -i $(FORMATTED)
format-check:
	@$(CLANG_FORMAT) --dry-run -Werror $(FORMATTED) 2>/dev/null || { bad=0; for f in $(FORMATTED); do $(CLANG_FORMAT) $$f | cmp -s - $$f || { echo "not as make format would write it: $$f"; bad=1; }; done; exit $$bad; }
compile_commands.json: Makefile $(SRCS) $(CLI_SRCS) $(CHECK_SRCS)
	@{ echo '['; sep=; for f in $(SRCS) src/server/main.c $(CLI_SRCS) $(CHECK_SRCS); do \
	    printf '%s{"directory": "%s", "file": "%s", "command": "%s"}\n' "$$sep" '$(CURDIR)' $$f \
	        '$(CC) $(CPPFLAGS) $(CFLAGS_COMMON) $(CFLAGS) -c '$$f; sep=,; done; echo ']'; } > $@
# Man pages and completions, from what the programs declare.
manual: all
	@sh scripts/manual.sh $(OUT) $(OUT)/manual
# Folders that are empty are left out: SYSUSERSDIR= installs no sysusers file.
SYSCONFDIR ?= $(PREFIX)/etc
UNITDIR ?= $(PREFIX)/lib/systemd/system
SYSUSERSDIR ?= $(PREFIX)/lib/sysusers.d
PROGRAMS = $(OUT)/tarn-server $(OUT)/tarn-cli $(OUT)/tarn-check
SHARE = $(DESTDIR)$(PREFIX)/share
install: all manual
	install -d $(DESTDIR)$(PREFIX)/bin $(SHARE)/man/man1 $(SHARE)/man/man5 $(SHARE)/bash-completion/completions $(SHARE)/zsh/vendor-completions
	install -m 755 $(PROGRAMS) $(DESTDIR)$(PREFIX)/bin
	install -m 644 $(OUT)/manual/man/*.1 $(SHARE)/man/man1
	install -m 644 $(OUT)/manual/man/*.5 $(SHARE)/man/man5
	install -m 644 $(OUT)/manual/bash/* $(SHARE)/bash-completion/completions
	install -m 644 $(OUT)/manual/zsh/_* $(SHARE)/zsh/vendor-completions
	install -d $(DESTDIR)$(SYSCONFDIR)/tarn $(DESTDIR)$(SYSCONFDIR)/logrotate.d
	test -e $(DESTDIR)$(SYSCONFDIR)/tarn/tarn.conf || install -m 644 packaging/tarn.conf $(DESTDIR)$(SYSCONFDIR)/tarn/tarn.conf
	install -m 644 packaging/tarn.logrotate $(DESTDIR)$(SYSCONFDIR)/logrotate.d/tarn
	$(if $(UNITDIR),install -d $(DESTDIR)$(UNITDIR) && sed -e 's|@bindir@|$(PREFIX)/bin|' -e 's|/etc/tarn|$(SYSCONFDIR)/tarn|' packaging/tarn.service > $(DESTDIR)$(UNITDIR)/tarn.service)
	$(if $(SYSUSERSDIR),install -d $(DESTDIR)$(SYSUSERSDIR) && install -m 644 packaging/tarn.sysusers $(DESTDIR)$(SYSUSERSDIR)/tarn.conf)
deb:
	@sh scripts/deb.sh
clean:
	rm -rf $(BUILD) compile_commands.json
help:
	@echo 'make                        $(BUILD)/tarn-server and $(BUILD)/tarn-cli'
	@echo 'make unit integration       tests of the modules; tests of the whole server (ONLY=name,name selects)'
	@echo 'make differential           random commands to Tarn and redis-server compared (COUNT=$(COUNT) SEED=n FAMILY=name)'
	@echo 'make fuzz T=name            $(FUZZERS) (SECONDS=$(SECONDS))'
	@echo 'make power                  states of the disk after a loss of power (STATES=$(STATES) SEED=n)'
	@echo 'make asan ubsan tsan        build so, then unit and integration tests'
	@echo 'make check                  everything that CI runs (STEP="name name" selects)'
	@echo 'make long                   what takes too long for every commit (STEP="name name" selects)'
	@echo 'make bench                  Tarn against redis-server (ONLY=row,row QUICK=1 ROUNDS=n)'
	@echo 'make format format-check    clang-format 14'
	@echo 'make install                PREFIX=$(PREFIX) DESTDIR=: programs, man pages, completions, systemd unit'
	@echo 'make manual deb             the man pages and completions; the Debian package in $(BUILD)/deb'
	@echo 'make compile_commands.json clean'
	@echo 'Variables: MODE=release|asan|ubsan|tsan|fuzz MALLOC=jemalloc|libc CC=gcc|clang LTO= BUILD=$(BUILD) PREFIX=$(PREFIX) J=$(J)'

comma = ,
.DEFAULT_GOAL = all
.FORCE:
.SECONDARY:
.PHONY: all help unit integration differential power long fuzz asan ubsan tsan check bench format format-check manual install deb clean .FORCE
