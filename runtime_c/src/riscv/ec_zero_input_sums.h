/* ec_zero_input_sums.h - listed inputs times the merged weights of a block of output channels. */
#ifndef EC_ZERO_INPUT_SUMS_H
#define EC_ZERO_INPUT_SUMS_H

#include <stddef.h>
#include <stdint.h>

#include "ec_zero_input_lists.h"
#include "ec_zero_input_quads.h"

/* What happens to the sums S after a phase. */
typedef enum {
    EC_GO_ON,
    EC_KEEP,   /* K = S */
    EC_BRANCH, /* B = S */
    EC_RESUME, /* S is an output's; S = K */
    EC_MIRROR, /* S is an output's; S = 2 K - B */
    EC_DONE    /* S is an output's, the last */
} ec_then;

/* A unit and its weights. */
typedef struct {
    uint32_t unit;  /* bytes from the first of the outputs' units in a row */
    uint32_t words; /* bytes from the first of a row's weights */
    ec_then then;
} ec_phase;

/* A row of the input that windows read. */
typedef struct {
    const void *units; /* the first of the outputs at hand */
    const void *words;
} ec_listed_row;

typedef struct {
    const ec_listed_row *rows;
    const ec_listed_row *rows_end;
    uint32_t first; /* bytes from the first unit of a row to that of the outputs at hand */
    const ec_phase *phase;
    uint32_t sums[EC_TILE_OUTPUTS][EC_MOST_WORDS]; /* of one output, or two */
    uint32_t kept[EC_MOST_WORDS];
    uint32_t branch[EC_MOST_WORDS];
} ec_windows;

typedef void ec_add_windows(ec_windows *windows);

/* What the words of quads start from: four sums of 2^22. */
static const uint32_t ec_start[EC_MOST_WORDS] = {EC_QUAD_U, EC_QUAD_V, EC_QUAD_W, EC_QUAD_U, EC_QUAD_V, EC_QUAD_W,
                                                 EC_QUAD_U, EC_QUAD_V, EC_QUAD_W, EC_QUAD_U, EC_QUAD_V, EC_QUAD_W,
                                                 EC_QUAD_U, EC_QUAD_V, EC_QUAD_W, EC_QUAD_U, EC_QUAD_V, EC_QUAD_W};

/* A value times the three words of a quad. In this order, or the compiler would load all words first and have no register left. */
#define EC_ADD_QUAD(i, j, k) \
    { \
        uint32_t t; \
        uint32_t u; \
        uint32_t v; \
        __asm__("lw %[t], %[at0]\n" \
                "lw %[u], %[at1]\n" \
                "lw %[v], %[at2]\n" \
                "mul %[t], %[t], %[value]\n" \
                "mul %[u], %[u], %[value]\n" \
                "mul %[v], %[v], %[value]\n" \
                "add %[s0], %[s0], %[t]\n" \
                "add %[s1], %[s1], %[u]\n" \
                "add %[s2], %[s2], %[v]\n" \
                : [s0] "+r"(s##i), [s1] "+r"(s##j), [s2] "+r"(s##k), [t] "=&r"(t), [u] "=&r"(u), [v] "=&r"(v) \
                : [value] "r"(value), [at0] "m"(words[i]), [at1] "m"(words[j]), [at2] "m"(words[k])); \
    }

#define EC_QUADS_1(DO) DO(0, 1, 2)
#define EC_QUADS_2(DO) EC_QUADS_1(DO) DO(3, 4, 5)
#define EC_QUADS_3(DO) EC_QUADS_2(DO) DO(6, 7, 8)
#define EC_QUADS_4(DO) EC_QUADS_3(DO) DO(9, 10, 11)
#define EC_QUADS_5(DO) EC_QUADS_4(DO) DO(12, 13, 14)
#define EC_QUADS_6(DO) EC_QUADS_5(DO) DO(15, 16, 17)
#define EC_THREE(DO, i, j, k) DO(i) DO(j) DO(k)
#define EC_BEGIN(i) uint32_t s##i = ec_start[i];
#define EC_TO_KEPT(i) w->kept[i] = s##i;
#define EC_TO_BRANCH(i) w->branch[i] = s##i;
#define EC_TO_OUTPUT(i) output[i] = s##i;
#define EC_FROM_KEPT(i) s##i = w->kept[i];
#define EC_FROM_BOTH(i) s##i = 2U * w->kept[i] - w->branch[i];
#define EC_BEGIN_QUAD(i, j, k) EC_THREE(EC_BEGIN, i, j, k)
#define EC_KEEP_QUAD(i, j, k) EC_THREE(EC_TO_KEPT, i, j, k)
#define EC_BRANCH_QUAD(i, j, k) EC_THREE(EC_TO_BRANCH, i, j, k)
#define EC_OUTPUT_QUAD(i, j, k) EC_THREE(EC_TO_OUTPUT, i, j, k)
#define EC_RESUME_QUAD(i, j, k) EC_THREE(EC_FROM_KEPT, i, j, k)
#define EC_MIRROR_QUAD(i, j, k) EC_THREE(EC_FROM_BOTH, i, j, k)

/* The sums of one output or two, for blocks of a number of quads. */
#define EC_DEFINE_ADD_WINDOWS(quads) \
    static __attribute__((noinline)) void ec_add_windows_##quads(ec_windows *w) { \
        uint32_t *output = w->sums[0]; \
        EC_QUADS_##quads(EC_BEGIN_QUAD) \
        for (const ec_phase *phase = w->phase;; phase++) { \
            for (const ec_listed_row *row = w->rows; row != w->rows_end; row++) { \
                const ec_entry *entry = (const void *)((const uint8_t *)row->units + w->first + phase->unit); \
                const uint8_t *row_words = (const uint8_t *)row->words + phase->words; \
                const ec_entry *end = entry + 1 + entry->offset; \
                while (++entry != end) { \
                    const int32_t value = entry->value; \
                    const uint32_t *words = (const void *)(row_words + entry->offset); \
                    EC_QUADS_##quads(EC_ADD_QUAD) \
                } \
            } \
            if (phase->then == EC_KEEP) { \
                EC_QUADS_##quads(EC_KEEP_QUAD) \
            } else if (phase->then == EC_BRANCH) { \
                EC_QUADS_##quads(EC_BRANCH_QUAD) \
            } else if (phase->then != EC_GO_ON) { \
                EC_QUADS_##quads(EC_OUTPUT_QUAD) \
                output = w->sums[1]; \
                if (phase->then == EC_DONE) { \
                    return; \
                } \
                if (phase->then == EC_RESUME) { \
                    EC_QUADS_##quads(EC_RESUME_QUAD) \
                } else { \
                    EC_QUADS_##quads(EC_MIRROR_QUAD) \
                } \
            } \
        } \
    }

EC_DEFINE_ADD_WINDOWS(1)
EC_DEFINE_ADD_WINDOWS(2)
EC_DEFINE_ADD_WINDOWS(3)
EC_DEFINE_ADD_WINDOWS(4)
EC_DEFINE_ADD_WINDOWS(5)
EC_DEFINE_ADD_WINDOWS(6)

#endif
