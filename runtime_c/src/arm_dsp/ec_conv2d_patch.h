/* ec_conv2d_patch.h - brings together and widens what four output pixels of a convolution read; the layout is in ec_conv2d_block.h.
 *
 * A "run" is a number of taps whose channels lie side by side in the input: a kernel row, or one tap where there are groups or dilation.
 * A patch begins with the runs' last bytes that make no whole quad ("rests"), run by run; then come the runs' whole quads. So a window
 * within the input is widened from where it lies. A window that reads padding is put together quad by quad; where taps are not whole
 * quads, the kernel's rows are copied to a band with padding around them first, once for each row of the output.
 */
#ifndef EC_CONV2D_PATCH_H
#define EC_CONV2D_PATCH_H

#include "ec_dsp.h"
#include "ec_lanes.h"
#include "ec_requantize.h"

#define EC_PIXELS 4u
#define EC_QUAD 4u
#define EC_QUAD_WORDS (2u * EC_PIXELS) /* of a patch */

/* The first tap of an output pixel's window; it may lie in the padding. */
typedef struct {
    int32_t y;
    int32_t x;
    const int8_t *from; /* in the input or the band */
} ec_pixel;

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
    int8_t *band;          /* NULL where none is needed */
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

static inline uint32_t *ec_pad_quads(uint32_t *to, uint32_t even, uint32_t odd, uint32_t quads) {
    for (; quads > 0; quads--, to += EC_QUAD_WORDS) {
        to[0] = even;
        to[EC_PIXELS] = odd;
    }
    return to;
}

/* A run that may begin in front of the input's row and end behind it. */
static inline uint32_t *ec_put_clipped_run(const ec_gather *g, uint32_t *to, const int8_t *from, int32_t x) {
    const uint32_t even = ec_sxtb16(g->padding);
    const uint32_t odd = ec_sxtb16_odd(g->padding);
    const uint32_t tap_quads = g->channels / EC_QUAD;
    const int32_t taps = (int32_t)g->run_taps;
    const int32_t first = ec_clamp(-x, 0, taps);
    const int32_t end = ec_clamp(g->input_w - x, first, taps);
    to = ec_pad_quads(to, even, odd, (uint32_t)first * tap_quads);
    to = ec_put_quads(to, from + (uint32_t)first * g->channels, (uint32_t)(end - first) * tap_quads);
    return ec_pad_quads(to, even, odd, (uint32_t)(taps - end) * tap_quads);
}

/* One pixel that reads padding; its taps are whole quads. */
EC_NOT_INLINED static void ec_put_clipped_window(const ec_gather *g, const ec_pixel *at, uint32_t *to) {
    const int8_t *row = at->from;
    int32_t y = at->y;
    for (uint32_t ky = g->kernel_h; ky > 0; ky--, y += g->dilation_h, row += g->row_step) {
        if (y < 0 || y >= g->input_h) {
            to = ec_pad_quads(to, ec_sxtb16(g->padding), ec_sxtb16_odd(g->padding), g->runs * g->run_quads);
            continue;
        }
        const int8_t *from = row;
        int32_t x = at->x;
        for (uint32_t run = g->runs; run > 0; run--, x += g->dilation_w, from += g->run_step) {
            to = ec_put_clipped_run(g, to, from, x);
        }
    }
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

/* Pixels of which some read padding; the others go together where that is faster than one by one. */
EC_NOT_INLINED static void ec_fill_at_border(const ec_gather *g, const ec_pixel *at, uint32_t count) {
    const int8_t *any = NULL;
    uint32_t inside = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (ec_is_inside(g, &at[i])) {
            any = at[i].from;
            inside++;
        }
    }
    const int together = inside > 1u;
    if (together) {
        ec_rows rows;
        for (uint32_t i = 0; i < EC_PIXELS; i++) {
            rows.source[i] = ec_is_inside(g, &at[i]) ? at[i].from : any;
        }
        ec_put_four_windows(g, &rows);
    }
    for (uint32_t i = 0; i < count; i++) {
        if (!ec_is_inside(g, &at[i])) {
            ec_put_clipped_window(g, &at[i], g->patch + i);
        } else if (!together) {
            ec_put_window(g, at[i].from, g->patch + i);
        }
    }
}

/* The patch of `count` pixels, `at` holds four; `inside` says that none of them reads padding. */
static inline void ec_fill_patch(const ec_gather *g, const ec_pixel *at, uint32_t count, int inside) {
    if (inside) {
        ec_rows rows = {.source = {at[0].from, at[1].from, at[2].from, at[3].from}};
        ec_put_four_windows(g, &rows);
    } else {
        ec_fill_at_border(g, at, count);
    }
}

/* Bytes, and up to three more behind them. */
static inline void ec_pad_bytes(int8_t *to, uint32_t padding, uint32_t count) {
    for (uint32_t i = 0; i < count; i += sizeof padding) {
        ec_store_word(to + i, padding);
    }
}

static inline void ec_copy_bytes(int8_t *to, const int8_t *from, uint32_t count) {
    for (; count >= EC_QUAD; count -= EC_QUAD, to += EC_QUAD, from += EC_QUAD) {
        ec_store_word(to, ec_load_word(from));
    }
    for (; count > 0; count--) {
        *to++ = *from++;
    }
}

/* The rows that an output row reads, from input row y on, each padded on both sides. */
EC_NOT_INLINED static void ec_fill_band(const ec_gather *g, const int8_t *input, int32_t y) {
    int8_t *to = g->band;
    for (uint32_t ky = g->kernel_h; ky > 0; ky--, y += g->dilation_h, to += g->band_row) {
        if (y < 0 || y >= g->input_h) {
            ec_pad_bytes(to, g->padding, g->band_row);
            continue;
        }
        const uint32_t end = g->band_left + g->band_inside;
        ec_pad_bytes(to, g->padding, g->band_left);
        ec_copy_bytes(to + g->band_left, input + (uint32_t)y * g->input_row, g->band_inside);
        ec_pad_bytes(to + end, g->padding, g->band_row - end);
    }
}

#endif
