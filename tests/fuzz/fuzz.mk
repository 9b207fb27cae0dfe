# SPDX-License-Identifier: GPL-2.0-or-later
# For tests/fuzz/run: the harnesses and all that they link, instrumented. Runs in a folder of the build directory;
# SOURCE, CONFIG (config.h's folder) and CLANG are given.

FLAGS := -g1 -O1 -std=gnu17 -D_GNU_SOURCE -include $(CONFIG)/config.h -I$(SOURCE) -I$(CONFIG) \
	-DPKGLIBEXECDIR='"/usr/libexec/nsrun"' \
	-fsanitize=address,undefined -fno-sanitize-recover=undefined $(shell pkg-config --cflags libnl-route-3.0)
LIBS := -lyajl -lseccomp -lcap $(shell pkg-config --libs libnl-route-3.0)
FOLDERS := base oci network hooks runtime
SOURCES := $(filter-out %/no_resolver.c %/systemd_main.c,$(foreach d,$(FOLDERS),$(wildcard $(SOURCE)/$(d)/*.c)))
OBJECTS := $(SOURCES:$(SOURCE)/%.c=%.o)

fuzz_%: $(SOURCE)/tests/fuzz/fuzz_%.c lib.a
	$(CLANG) $(FLAGS) -fsanitize=fuzzer -MMD -MF $@.d -o $@ $< lib.a $(LIBS)

lib.a: $(OBJECTS)
	rm -f $@
	ar cr $@ $^

$(OBJECTS): %.o: $(SOURCE)/%.c
	@mkdir -p $(@D)
	$(CLANG) $(FLAGS) -fsanitize=fuzzer-no-link -MMD -c -o $@ $<

-include $(OBJECTS:.o=.d)
