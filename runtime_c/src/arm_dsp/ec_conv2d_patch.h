/* ec_conv2d_patch.h - brings together and widens what four output pixels of a convolution read; the layout is in ec_conv2d_block.h.
 *
 * A "run" is a number of taps whose channels lie side by side in the input: a kernel row, or one tap where there are groups or dilation.
 */
#ifndef EC_CONV2D_PATCH_H
#define EC_CONV2D_PATCH_H

#include "ec_conv2d_s8.h"
#include "ec_dsp.h"
#include "ec_requantize.h"

#define EC_PIXELS 4u

/* The first tap of a window; it may lie in the padding. */
typedef struct {
    int32_t y;
    int32_t x;
} ec_corner;

typedef struct {
    const ec_conv2d_s8_params *p;
    const int8_t *input_end;
    uint32_t *patch;
    int8_t *columns;      /* one a pixel: its inputs as bytes, where taps are not whole quads */
    uint32_t column_size; /* whole quads, and one more into which a run may be copied over its end */
    uint32_t quads;       /* of a pixel */
    uint32_t channels;    /* a tap */
    uint32_t run_taps;
    uint32_t runs;  /* of a kernel row */
    int32_t last_y; /* the last corner whose window lies within the input; negative where there is none */
    int32_t last_x;
} ec_gather;

/* Read by ec_widen_rows, which knows the offsets. */
typedef struct {
    /*  0 */ const int8_t *source[EC_PIXELS];
    /* 16 */ uint32_t quads; /* a run */
    /* 20 */ uint32_t runs;
    /* 24 */ uint32_t gap; /* bytes from the end of a run to the next */
} ec_rows;

/* Widens runs of whole quads of four pixels; returns the end of what it wrote. */
EC_ASM_FUNCTION static uint32_t *ec_widen_rows(const ec_rows *rows EC_ASM_PARAMETER, uint32_t *patch EC_ASM_PARAMETER) {
    __asm__ volatile("push {r4-r11, lr}\n"
                     "ldrd r2, r3, [r0]\n"
                     "ldrd r12, lr, [r0, #8]\n"
                     "ldrd r4, r5, [r0, #16]\n"
                     "ldr r6, [r0, #24]\n"
                     "push {r4-r6}\n" /* [sp]: quads, [sp, #4]: runs, [sp, #8]: gap */
                     "1: ldr r0, [sp]\n"
                     "2: ldr r8, [r2], #4\n ldr r9, [r3], #4\n ldr r10, [r12], #4\n ldr r11, [lr], #4\n"
                     "sxtb16 r4, r8\n sxtb16 r5, r9\n sxtb16 r6, r10\n sxtb16 r7, r11\n"
                     "sxtb16 r8, r8, ror #8\n sxtb16 r9, r9, ror #8\n sxtb16 r10, r10, ror #8\n sxtb16 r11, r11, ror #8\n"
                     "stm r1!, {r4-r11}\n"
                     "subs r0, #1\n"
                     "bne 2b\n"
                     "ldrd r4, r5, [sp, #4]\n"
                     "add r2, r2, r5\n add r3, r3, r5\n add r12, r12, r5\n add lr, lr, r5\n"
                     "subs r4, #1\n"
                     "str r4, [sp, #4]\n"
                     "bne 1b\n"
                     "mov r0, r1\n"
                     "add sp, #12\n"
                     "pop {r4-r11, pc}\n");
}

static inline const int8_t *ec_input_at(const ec_gather *g, const int8_t *input, int32_t y, int32_t x) {
    return input + (y * (int32_t)g->p->input_w + x) * (int32_t)g->p->input_c;
}

/* Whole quads of one pixel to every fourth word of the patch; `from` is NULL for padding. */
static inline uint32_t *ec_put_quads(const ec_gather *g, uint32_t *to, const int8_t *from, uint32_t quads) {
    uint32_t word = ec_splat_byte(g->p->input_zero_point);
    for (; quads > 0; quads--, to += 2 * EC_PIXELS) {
        if (from != NULL) {
            word = ec_load_word(from);
            from += sizeof word;
        }
        to[0] = ec_sxtb16(word);
        to[EC_PIXELS] = ec_sxtb16_odd(word);
    }
    return to;
}

/* Bytes of one pixel to its column, up to three more behind them. */
static inline int8_t *ec_put_bytes(const ec_gather *g, int8_t *to, const int8_t *from, uint32_t count) {
    uint32_t word = ec_splat_byte(g->p->input_zero_point);
    const uint32_t words = (count + 3u) / 4u;
    if (from != NULL && (uint32_t)(g->input_end - from) < 4u * words) {
        memcpy(to, from, count);
        return to + count;
    }
    for (uint32_t i = 0; i < 4u * words; i += 4u) {
        if (from != NULL) {
            word = ec_load_word(from + i);
        }
        ec_store_word(to + i, word);
    }
    return to + count;
}

/* Taps of one pixel, as quads or as bytes. */
static inline void *ec_put_taps(const ec_gather *g, void *to, const int8_t *from, uint32_t taps) {
    const uint32_t count = taps * g->channels;
    return g->columns == NULL ? (void *)ec_put_quads(g, to, from, count / 4u) : (void *)ec_put_bytes(g, to, from, count);
}

/* A run that may begin before the input's row or end behind it. */
static void *ec_put_clipped(const ec_gather *g, void *to, const int8_t *row, int32_t x) {
    const int32_t taps = (int32_t)g->run_taps;
    const int32_t first = ec_clamp(-x, 0, taps);
    const int32_t end = ec_clamp(g->p->input_w - x, first, taps);
    to = ec_put_taps(g, to, NULL, (uint32_t)first);
    if (end > first) {
        to = ec_put_taps(g, to, row + (x + first) * (int32_t)g->p->input_c, (uint32_t)(end - first));
    }
    return ec_put_taps(g, to, NULL, (uint32_t)(taps - end));
}

static int ec_inside(const ec_gather *g, ec_corner at) { return at.y >= 0 && at.y <= g->last_y && at.x >= 0 && at.x <= g->last_x; }

/* All that one pixel reads. */
static void ec_gather_pixel(const ec_gather *g, const int8_t *input, ec_corner at, void *to) {
    const ec_conv2d_s8_params *p = g->p;
    const int whole = ec_inside(g, at);
    int32_t y = at.y;
    for (uint32_t ky = 0; ky < p->kernel_h; ky++, y += p->dilation_h) {
        if (y < 0 || y >= p->input_h) {
            to = ec_put_taps(g, to, NULL, p->kernel_w);
            continue;
        }
        const int8_t *row = ec_input_at(g, input, y, 0);
        int32_t x = at.x;
        for (uint32_t run = 0; run < g->runs; run++, x += p->dilation_w) {
            to = whole ? ec_put_taps(g, to, row + x * (int32_t)p->input_c, g->run_taps) : ec_put_clipped(g, to, row, x);
        }
    }
}

/* Four pixels whose windows lie within the input, straight into the patch. */
static void ec_widen_windows(const ec_gather *g, const int8_t *input, const ec_corner *at) {
    const ec_conv2d_s8_params *p = g->p;
    const uint32_t row_size = (uint32_t)p->input_w * p->input_c;
    const uint32_t run_size = g->run_taps * g->channels;
    const int whole_rows = g->runs == 1;
    ec_rows rows;
    for (uint32_t i = 0; i < EC_PIXELS; i++) {
        rows.source[i] = ec_input_at(g, input, at[i].y, at[i].x);
    }
    rows.quads = run_size / 4u;
    rows.runs = whole_rows ? p->kernel_h : g->runs;
    rows.gap = (whole_rows ? p->dilation_h * row_size : (uint32_t)p->dilation_w * p->input_c) - run_size;
    uint32_t *to = ec_widen_rows(&rows, g->patch);
    for (uint32_t ky = 1; ky < p->kernel_h && !whole_rows; ky++) {
        for (uint32_t i = 0; i < EC_PIXELS; i++) {
            rows.source[i] += p->dilation_h * row_size;
        }
        to = ec_widen_rows(&rows, to);
    }
}

/* The patch of `count` pixels; `at` has four, the last of them several times where there are fewer. */
static void ec_fill_patch(const ec_gather *g, const int8_t *input, const ec_corner *at, uint32_t count) {
    const int inside = ec_inside(g, at[0]) && ec_inside(g, at[1]) && ec_inside(g, at[2]) && ec_inside(g, at[3]);
    if (inside && g->run_taps * g->channels % 4u == 0) {
        ec_widen_windows(g, input, at);
        return;
    }
    ec_rows rows = {.quads = g->quads, .runs = 1, .gap = 0};
    for (uint32_t i = 0; i < EC_PIXELS; i++) {
        int8_t *column = g->columns + i * g->column_size;
        rows.source[i] = column;
        if (i < count) {
            ec_gather_pixel(g, input, at[i], g->columns == NULL ? (void *)(g->patch + i) : (void *)column);
        }
    }
    if (g->columns != NULL) {
        ec_widen_rows(&rows, g->patch);
    }
}

#endif
