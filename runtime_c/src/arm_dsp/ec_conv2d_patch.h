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

/* A layer's geometry, and the memory it works in. */
typedef struct {
    int32_t input_h;
    int32_t input_w;
    uint32_t inside_h; /* first taps in 0 .. inside_h - 1 have windows within the input */
    uint32_t inside_w;
    uint32_t padding; /* the input's zero point, four times */
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
    const uint32_t *rests; /* the rests' bytes, counted from the first tap; filled up to quads */
    int8_t *band;          /* ec_fill_band; NULL where none is needed */
    uint32_t band_row;     /* bytes */
    uint32_t band_left;    /* bytes of padding at the start of a row */
    uint32_t band_inside;  /* bytes of input after them */
    uint32_t input_row;    /* bytes */
} ec_gather;

/* Read by ec_widen_rows, which knows the offsets. */
typedef struct {
    /*  0 */ const int8_t *source[EC_PIXELS];
    /* 16 */ uint32_t quads; /* a run */
    /* 20 */ uint32_t runs;
    /* 24 */ uint32_t gap; /* bytes from the end of a run to the next */
} ec_rows;
_Static_assert(offsetof(ec_rows, gap) == 24, "the assembly counts on these offsets");

/* clang-format off */

/* Widens runs of whole quads of four pixels; returns the end of what it wrote. */
EC_ASM_FUNCTION static uint32_t *ec_widen_rows(const ec_rows *rows EC_ASM_PARAMETER, uint32_t *patch EC_ASM_PARAMETER) {
    __asm__ volatile(
        "push   {r4-r11, lr}                \n"
        "ldrd   r2, r3, [r0]                \n"
        "ldrd   r12, lr, [r0, #8]           \n"
        "ldrd   r4, r5, [r0, #16]           \n"
        "ldr    r6, [r0, #24]               \n"
        "push   {r4-r6}                     \n" /* [sp]: quads, [sp, #4]: runs, [sp, #8]: gap */
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
        "mov    r0, r1                      \n"
        "add    sp, #12                     \n"
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

/* Four pixels that read no padding, or from the band: rows->source. */
static void ec_put_four_windows(const ec_gather *g, ec_rows *rows) {
    const int rows_are_runs = g->runs == 1u;
    uint32_t *to = g->patch;
    if (g->rest_quads > 0) {
        for (uint32_t i = 0; i < EC_PIXELS; i++) {
            ec_put_rests(g, rows->source[i], to + i);
        }
        to += EC_QUAD_WORDS * g->rest_quads;
    }
    if (g->run_quads == 0) {
        return;
    }
    rows->quads = g->run_quads;
    rows->runs = rows_are_runs ? g->kernel_h : g->runs;
    rows->gap = (rows_are_runs ? g->row_step : g->run_step) - EC_QUAD * g->run_quads;
    to = ec_widen_rows(rows, to);
    for (uint32_t ky = rows_are_runs ? 1u : g->kernel_h; ky > 1u; ky--) {
        for (uint32_t i = 0; i < EC_PIXELS; i++) {
            rows->source[i] += g->row_step;
        }
        to = ec_widen_rows(rows, to);
    }
}

static inline int ec_is_inside(const ec_gather *g, const ec_pixel *at) {
    return g->band != NULL || ((uint32_t)at->y < g->inside_h && (uint32_t)at->x < g->inside_w);
}

#endif
