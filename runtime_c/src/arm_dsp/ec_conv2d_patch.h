/* ec_conv2d_patch.h - brings together and widens what four output pixels of a convolution read; the layout is in ec_conv2d_block.h.
 *
 * A "run" is a number of taps whose channels lie side by side in the input: a kernel row, or one tap where there are groups or dilation.
 * A patch begins with the runs' last bytes that make no whole quad ("rests"), run by run; then come the runs' whole quads. So a window
 * that reads no padding is widened from where it lies.
 */
#ifndef EC_CONV2D_PATCH_H
#define EC_CONV2D_PATCH_H

#include <stddef.h>

#include "ec_dsp.h"
#include "ec_lanes.h"

#define EC_PIXELS 4u
#define EC_QUAD 4u
#define EC_QUAD_WORDS (2u * EC_PIXELS) /* of a patch */

/* The first tap of an output pixel's window; it may lie in the padding. */
typedef struct {
    int32_t y;
    int32_t x;
    const int8_t *from; /* in the input or the band */
} ec_pixel;

/* Read by ec_widen_rows, which knows the offsets. */
typedef struct {
    /*  0 */ const int8_t *source[EC_PIXELS];
    /* 16 */ uint32_t quads; /* a run */
    /* 20 */ uint32_t runs;  /* a row */
    /* 24 */ uint32_t gap;   /* bytes from the end of a run to the next */
    /* 28 */ uint32_t rows;
    /* 32 */ uint32_t row_gap; /* bytes to be added at the end of a row */
} ec_rows;
_Static_assert(offsetof(ec_rows, row_gap) == 32, "the assembly counts on these offsets");

/* A layer's geometry, and the memory it works in. */
typedef struct {
    int32_t input_h;
    int32_t input_w;
    uint32_t inside_h; /* first taps in 0 .. inside_h - 1 have windows within the input */
    uint32_t inside_w;
    uint32_t row_pixels; /* of the output, one behind the other in the input too */
    uint32_t padding;    /* the input's zero point, four times */
    uint32_t kernel_h;
    int32_t dilation_h;
    int32_t dilation_w;
    uint32_t runs; /* of a kernel row */
    uint32_t run_taps;
    uint32_t channels;   /* a tap */
    uint32_t run_quads;  /* whole ones */
    uint32_t rest_quads; /* of all runs */
    uint32_t quads;      /* of a pixel */
    uint32_t run_step;   /* bytes from one run of a kernel row to the next */
    uint32_t row_step;   /* bytes from one kernel row to the next */
    uint32_t *patch;
    ec_rows windows;       /* for ec_put_four_windows; the sources change */
    const uint32_t *rests; /* the rests' bytes, counted from the first tap; filled up to quads */
    int8_t *band;          /* ec_fill_band; NULL where none is needed */
    uint32_t band_row;     /* bytes */
    uint32_t band_left;    /* bytes of padding at the start of a row */
    uint32_t band_inside;  /* bytes of input after them */
    uint32_t input_row;    /* bytes */
} ec_gather;

/* clang-format off */

/* Widens rows of runs of whole quads of four pixels. */
EC_ASM_FUNCTION static void ec_widen_rows(const ec_rows *rows EC_ASM_PARAMETER, uint32_t *patch EC_ASM_PARAMETER) {
    __asm__ volatile(
        "push   {r4-r11, lr}                \n"
        "ldrd   r2, r3, [r0]                \n"
        "ldrd   r12, lr, [r0, #8]           \n"
        "ldrd   r4, r5, [r0, #16]           \n"
        "ldrd   r6, r7, [r0, #24]           \n"
        "mov    r8, r0                      \n"
        "push   {r4-r8}                     \n" /* [sp]: quads, [sp, #4]: runs left, gap, [sp, #12]: rows left, all that was given */
        "1: ldr r0, [sp]                    \n" /* the next run */
        "2: ldr r8, [r2], #4                \n" /* the next quad */
        "ldr    r9, [r3], #4                \n"
        "ldr    r10, [r12], #4              \n"
        "ldr    r11, [lr], #4               \n"
        "sxtb16 r4, r8                      \n"
        "sxtb16 r5, r9                      \n"
        "sxtb16 r6, r10                     \n"
        "sxtb16 r7, r11                     \n"
        "sxtb16 r8, r8, ror #8              \n"
        "sxtb16 r9, r9, ror #8              \n"
        "sxtb16 r10, r10, ror #8            \n"
        "sxtb16 r11, r11, ror #8            \n"
        "stm    r1!, {r4-r11}               \n"
        "subs   r0, #1                      \n"
        "bne    2b                          \n"
        "ldrd   r4, r5, [sp, #4]            \n"
        "add    r2, r2, r5                  \n"
        "add    r3, r3, r5                  \n"
        "add    r12, r12, r5                \n"
        "add    lr, lr, r5                  \n"
        "subs   r4, #1                      \n"
        "str    r4, [sp, #4]                \n"
        "bne    1b                          \n"
        "ldrd   r4, r6, [sp, #12]           \n"
        "ldr    r5, [r6, #20]               \n"
        "ldr    r6, [r6, #32]               \n"
        "str    r5, [sp, #4]                \n"
        "add    r2, r2, r6                  \n"
        "add    r3, r3, r6                  \n"
        "add    r12, r12, r6                \n"
        "add    lr, lr, r6                  \n"
        "subs   r4, #1                      \n"
        "str    r4, [sp, #12]               \n"
        "bne    1b                          \n"
        "add    sp, #20                     \n"
        "pop    {r4-r11, pc}                \n");
}

/* clang-format on */

static inline uint32_t *ec_put_quads(uint32_t *to, const int8_t *from, uint32_t quads) {
    for (; quads > 0; quads--, to += EC_QUAD_WORDS, from += EC_QUAD) {
        const uint32_t word = ec_load_word(from);
        to[0] = ec_sxtb16(word);
        to[EC_PIXELS] = ec_sxtb16_odd(word);
    }
    return to;
}

static inline uint32_t *ec_put_rests(const ec_gather *g, const int8_t *from, uint32_t *to) {
    const uint32_t *at = g->rests;
    for (uint32_t quad = g->rest_quads; quad > 0; quad--, at += EC_QUAD, to += EC_QUAD_WORDS) {
        to[0] = ec_pack_low((uint32_t)from[at[0]], (uint32_t)from[at[2]]);
        to[EC_PIXELS] = ec_pack_low((uint32_t)from[at[1]], (uint32_t)from[at[3]]);
    }
    return to;
}

/* One pixel that reads no padding, or from the band. */
EC_NOT_INLINED static void ec_put_window(const ec_gather *g, const int8_t *from, uint32_t *to) {
    to = ec_put_rests(g, from, to);
    for (uint32_t ky = g->kernel_h; ky > 0; ky--, from += g->row_step) {
        const int8_t *run_from = from;
        for (uint32_t run = g->runs; run > 0; run--, run_from += g->run_step) {
            to = ec_put_quads(to, run_from, g->run_quads);
        }
    }
}

/* How windows within the input are widened. */
static void ec_set_window_rows(const ec_gather *g, ec_rows *rows) {
    rows->quads = g->run_quads;
    if (g->runs == 1u) { /* its rows as the runs of one row: faster */
        rows->runs = g->kernel_h;
        rows->gap = g->row_step - EC_QUAD * g->run_quads;
        rows->rows = 1;
        rows->row_gap = 0;
    } else {
        rows->runs = g->runs;
        rows->gap = g->run_step - EC_QUAD * g->run_quads;
        rows->rows = g->kernel_h;
        rows->row_gap = g->row_step - g->runs * g->run_step;
    }
}

/* Four pixels that read no padding, or from the band: from g->windows.source. */
static inline void ec_put_four_windows(const ec_gather *g) {
    uint32_t *to = g->patch;
    if (g->rest_quads > 0) {
        for (uint32_t i = 0; i < EC_PIXELS; i++) {
            ec_put_rests(g, g->windows.source[i], to + i);
        }
        to += EC_QUAD_WORDS * g->rest_quads;
    }
    if (g->run_quads > 0) {
        ec_widen_rows(&g->windows, to);
    }
}

/* Whether a window whose first tap is there reads no padding, or from the band. */
static inline int ec_is_inside(const ec_gather *g, int32_t y, int32_t x) {
    return g->band != NULL || ((uint32_t)y < g->inside_h && (uint32_t)x < g->inside_w);
}

#endif
