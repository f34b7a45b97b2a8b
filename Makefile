# ecml: build, install, try, test.  README.md says how to use it, doc/develop.md how it is made.
#
#   make, make install      needs gcc, the PostgreSQL server headers, OpenBLAS (serial), zlib, and the libraries of pictures
#                           (libjpeg-turbo, libpng, libwebp, giflib); PG_CONFIG= chooses the server
#   make demo [DATA=...]    a shop in a private cluster, and a tour; make psql looks at it, make stop ends it
#   make test [KINDS="unit lint regress pgtap isolation tap drift doc demo"]
#   make unit lint bench    one thing alone; make fuzz: hostile pictures and networks

PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs 2>/dev/null)
EXTENSION = ecml
EXTVERSION := $(shell sed -n "s/^default_version *= *'\(.*\)'.*/\1/p" ecml.control)

# ---- sources

KERNELS := $(sort $(filter-out %_sql.c, $(filter-out src/core/%, $(wildcard src/*/*.c))))
BINDINGS := $(sort $(filter-out $(KERNELS), $(wildcard src/*.c src/*/*.c)))
# error-free transformations: a contracted a*b+c would undo them
EXACT := $(filter src/num/moments.c src/num/dd%.c src/num/gram%.c src/num/chol%.c src/num/metrics_numbers.c src/stats/bootstrap.c src/linear/linreg%.c src/tree/tree_walk.c, $(KERNELS))

MODULE_big = ecml
OBJS = $(BINDINGS:.c=.o) $(KERNELS:.c=.o)
SCRIPT = sql/ecml--$(EXTVERSION).sql
SQL_PARTS := $(sort $(wildcard sql/[0-9][0-9]_*.sql))
# DATA is PGXS's list of files to install (here upgrade scripts, and the whole scripts of earlier releases, from which they
# start), and make demo's folder of real data
DEMO_DATA := $(DATA)
override DATA = $(wildcard sql/ecml--*--*.sql sql/old/ecml--*.sql)
DATA_built = $(SCRIPT)

# ---- OpenBLAS: the serial variant, static and private (the threaded one starts a thread in every backend)

ifeq ($(OPENBLAS),)
OPENBLAS := $(firstword $(wildcard /usr/lib/*/openblas-serial/libopenblas.a))
endif
# pictures: the distribution's shared libraries
PICTURES = -ljpeg -lpng16 -lwebp -lgif
PICTURES_MISSING := $(shell for header in jpeglib.h png.h webp/decode.h gif_lib.h; do \
	printf '\043include <stdio.h>\n\043include <%s>\n' $$header | $(CC) $(CPPFLAGS) -E - >/dev/null 2>&1 || echo $$header; done)
SHLIB_LINK = $(OPENBLAS) $(PICTURES) -lz -lm -lpthread -Wl,--exclude-libs,ALL
# when one is missing, what is linked waits for a target that says so
SHLIB_PREREQS = $(if $(wildcard $(OPENBLAS)),,openblas)

# ---- flags.  -ffast-math and -march never: the one makes whole backends flush denormals, the other fails elsewhere

WARNINGS = -Wall -Wextra -Wmissing-prototypes -Wpointer-arith -Wvla -Wno-unused-parameter -Wno-sign-compare \
	-Wno-missing-field-initializers
WERROR ?= 0
PG_CPPFLAGS = -Isrc -DECML_VERSION='"$(EXTVERSION)"' $(if $(filter yes,$(autodepend)),,-MMD -MP)
PG_CFLAGS = -std=gnu11 -fopenmp-simd -Wno-declaration-after-statement $(if $(filter 1,$(WERROR)),$(WARNINGS) -Werror)
override with_llvm = no

EXTRA_CLEAN = build src/text/lemma_tables.h src/text/sentiment_tables.h $(OBJS:.o=.d) $(filter-out $(DATA), $(wildcard sql/ecml--*.sql))

.PHONY: all openblas pictures unit unit-build fuzz lint test demo psql stop bench

ifneq ($(wildcard $(PGXS)),)
include $(PGXS)
else
# without a server the kernels can be built and tested all the same
CFLAGS = $(UNIT_CFLAGS) -fPIC
all install:
	@echo "ecml: no PostgreSQL server headers: '$(PG_CONFIG) --pgxs' names no file that is there." >&2
	@echo "Debian has them in the package postgresql-server-dev-NN; or say make PG_CONFIG=/path/to/pg_config" >&2
	@false
clean:
	rm -rf $(EXTRA_CLEAN) $(OBJS) ecml.so
endif

$(KERNELS:.c=.o): override CFLAGS += -O3 -fvisibility=hidden
$(EXACT:.c=.o): override CFLAGS += -ffp-contract=off
$(OBJS): Makefile ecml.control
-include $(OBJS:.o=.d)

# ---- tables made at build time: WordNet's lemmas, and the weights of the sentiment model

WORDNET ?= /usr/share/wordnet

src/text/lemma_tables.h: tools/text/tables.pl $(wildcard $(WORDNET)/index.* $(WORDNET)/*.exc)
	@test -f $(WORDNET)/index.noun || { echo "ecml: no WordNet ($(WORDNET)/index.noun)." >&2; \
		echo "Debian has it in the package wordnet-base; or say make WORDNET=/path/to/its/dict" >&2; false; }
	perl tools/text/tables.pl lemmas $(WORDNET) > $@.new && mv $@.new $@

src/text/sentiment_tables.h: tools/text/tables.pl src/text/sentiment_kinds.tsv src/text/sentiment_words.tsv
	perl tools/text/tables.pl sentiment src/text/sentiment_kinds.tsv src/text/sentiment_words.tsv > $@.new && mv $@.new $@

build/asan/src/text/lemma.o src/text/lemma.o: src/text/lemma_tables.h
build/asan/src/text/sentiment.o src/text/sentiment.o: src/text/sentiment_tables.h

$(SCRIPT): $(SQL_PARTS) ecml.control
	cat $(SQL_PARTS) /dev/null > $@

openblas:
	@echo "ecml: no serial OpenBLAS ($(or $(OPENBLAS),/usr/lib/*/openblas-serial/libopenblas.a))." >&2
	@echo "Debian has it in the package libopenblas-serial-dev; or say make OPENBLAS=/path/to/libopenblas.a" >&2
	@false

pictures:
	@echo "ecml: no headers $(PICTURES_MISSING)." >&2
	@echo "Debian has them in the packages libjpeg62-turbo-dev libpng-dev libwebp-dev libgif-dev" >&2
	@false

ifneq ($(PICTURES_MISSING),)
$(patsubst %.c, %.o, $(wildcard src/image/*.c)) $(patsubst %.c, build/asan/%.o, $(wildcard src/image/*.c)): | pictures
endif

# ---- kernels without a server: under sanitizers, and as they are shipped

UNITS := $(sort $(wildcard test/unit/test_*.c))
UNIT_CFLAGS = -std=gnu11 -g1 $(WARNINGS) -Werror -fno-strict-aliasing -fwrapv -fopenmp-simd \
	-Isrc -Itest/unit -MMD -MP
ASAN = -O1 -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all -DECML_NO_CLONES
FAST = -O2

# fast are the very objects that are shipped
asan_OBJS = $(patsubst %.c, build/asan/%.o, $(KERNELS) test/unit/host.c)
fast_OBJS = $(KERNELS:.c=.o) build/fast/test/unit/host.o
# thin archives: a test is linked with what it uses
build/asan/kernels.a: $(asan_OBJS)
build/fast/kernels.a: $(fast_OBJS)
build/asan/kernels.a build/fast/kernels.a:
	@rm -f $@
	$(AR) rcsT $@ $^

asan_UNITS = $(UNITS:test/unit/%.c=build/asan/%)
fast_UNITS = $(UNITS:test/unit/%.c=build/fast/%)

$(patsubst %.c, build/asan/%.o, $(EXACT)): EXACT_CFLAGS = -ffp-contract=off

build/asan/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(CC) $(UNIT_CFLAGS) $(ASAN) $(EXACT_CFLAGS) -c -o $@ $<

build/fast/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(CC) $(UNIT_CFLAGS) $(FAST) -c -o $@ $<

$(asan_UNITS): build/asan/%: build/asan/test/unit/%.o build/asan/kernels.a | $(SHLIB_PREREQS)
	$(CC) $(ASAN) -o $@ $^ $(OPENBLAS) $(PICTURES) -lm -lpthread

$(fast_UNITS): build/fast/%: build/fast/test/unit/%.o build/fast/kernels.a | $(SHLIB_PREREQS)
	$(CC) $(FAST) -o $@ $^ $(OPENBLAS) $(PICTURES) -lm -lpthread

unit-build: $(asan_UNITS) $(fast_UNITS)

# 100,000 mutated pictures and networks under the address sanitizer; ROUNDS= and SEED= choose others
fuzz: build/asan/fuzz_pictures
	$< $(or $(ROUNDS),100000) $(or $(SEED),1)

build/asan/fuzz_pictures: build/asan/test/fuzz/fuzz_pictures.o build/asan/kernels.a | $(SHLIB_PREREQS)
	$(CC) $(ASAN) -o $@ $^ $(OPENBLAS) $(PICTURES) -lm -lpthread

-include $(wildcard build/asan/*/*/*.d build/fast/*/*/*.d)

# ---- the commands of README.md

export PG_CONFIG OPENBLAS

unit lint:
	@test/run.sh $@

test:
	@tools/packages.sh test
	@test/run.sh $(KINDS)

demo:
	@tools/packages.sh demo
	@DATA='$(DEMO_DATA)' tools/demo.sh start

psql:
	@tools/demo.sh psql

stop:
	@tools/demo.sh stop

bench:
	@tools/packages.sh bench
	@test/bench/run.sh
