# Tarn. `make` builds release into build/; `make help` lists the targets.
MALLOC ?= jemalloc
CC ?= gcc
BUILD ?= build
MODE ?= release

WARN = -Wall -Wextra -Werror -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wundef -Wpointer-arith -Wvla
CPPFLAGS += -Isrc -D_GNU_SOURCE
CFLAGS_COMMON = -std=c17 -g -fno-strict-aliasing -fno-omit-frame-pointer -fstack-protector-strong $(WARN)
LIBS = -llzf -lisal -lpthread -lm
ifeq ($(MALLOC),jemalloc)
CPPFLAGS += -DTARN_JEMALLOC
LIBS += -ljemalloc
endif

ifeq ($(MODE),release)
CFLAGS += -O3 -D_FORTIFY_SOURCE=2
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
CFLAGS += -O1 -DTARN_DEBUG -fsanitize=address,undefined,fuzzer-no-link
LDFLAGS += -fsanitize=address,undefined
endif

OUT = $(if $(filter release,$(MODE)),$(BUILD),$(BUILD)/$(MODE))
OBJ = $(OUT)/obj
SRCS = $(filter-out src/server/main.c,$(wildcard src/*/*.c))
OBJS = $(SRCS:%.c=$(OBJ)/%.o)
UNIT = $(patsubst tests/unit/%.c,$(OUT)/unit/%,$(wildcard tests/unit/*/*.c))
CLI_SRCS = $(wildcard tools/cli/*.c)
TOOL_LIB = $(filter $(OBJ)/src/base/% $(OBJ)/src/mem/% $(OBJ)/src/io/% $(OBJ)/src/wire/% $(OBJ)/src/store/%,$(OBJS))

all: $(OUT)/tarn-server $(OUT)/tarn-cli

$(OUT)/tarn-server: $(OBJ)/src/server/main.o $(OUT)/libtarn.a
	$(CC) $(LDFLAGS) -o $@ $^ $(LIBS)
$(OUT)/tarn-cli: $(CLI_SRCS:%.c=$(OBJ)/%.o) $(OUT)/libtarn.a
	$(CC) $(LDFLAGS) -o $@ $^ $(LIBS)
$(OUT)/libtarn.a: $(OBJS)
	@rm -f $@
	ar rcs $@ $(OBJS)
$(OBJ)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS_COMMON) $(CFLAGS) -MMD -MP -c -o $@ $<
# One room's unit tests link the whole library; the linker takes what each needs.
$(OUT)/unit/%: tests/unit/%.c $(OUT)/libtarn.a
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) -Itests $(CFLAGS_COMMON) $(CFLAGS) $(LDFLAGS) -MMD -MP -MF $@.d -o $@ $< $(OUT)/libtarn.a -lcmocka $(LIBS)
-include $(shell find $(OUT) -name '*.d' 2>/dev/null)

.PHONY: all
