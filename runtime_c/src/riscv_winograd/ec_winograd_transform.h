/* ec_winograd_transform.h - Winograd's minimal filtering F(2x2, 3x3) (Lavin and Gray, arXiv 1509.09308) in integers.
 *
 * A tile of 2x2 outputs reads 4x4 inputs. Inputs and weights are transformed to 16 positions each, and 16 products take the place of the
 * 36 of a tile and a filter. The weights' transform is taken without its two halves, so that all stays whole: sums come out four times
 * too large.
 */
#ifndef EC_WINOGRAD_TRANSFORM_H
#define EC_WINOGRAD_TRANSFORM_H

#include <stdint.h>

#define EC_WINOGRAD_POSITIONS 16
#define EC_WINOGRAD_LANES 4 /* tiles, and filters, of a block */
#define EC_WINOGRAD_PIXEL 4 /* bytes from pixel to pixel of a window: four channels */
#define EC_WINOGRAD_WINDOW_H 4
#define EC_WINOGRAD_WINDOW_W 10 /* what four tiles side by side read */
#define EC_WINOGRAD_WINDOW_ROW (EC_WINOGRAD_WINDOW_W * EC_WINOGRAD_PIXEL)

/* (2a, a + b + c, a - b + c, 2c), `step` apart: the weights' transform along one axis. */
static inline __attribute__((always_inline)) void ec_winograd_filter_line(int32_t a, int32_t b, int32_t c, int32_t *line) {
    const int32_t ends = a + c;
    line[0] = 2 * a;
    line[1] = ends + b;
    line[2] = ends - b;
    line[3] = 2 * c;
}

/* One filter of one channel, [3][3], to its positions, EC_WINOGRAD_LANES apart. */
static inline void ec_winograd_transform_filter(const int8_t *weights, int16_t *to) {
    int32_t first[4];
    int32_t second[4];
    int32_t third[4];
    ec_winograd_filter_line(weights[0], weights[3], weights[6], first);
    ec_winograd_filter_line(weights[1], weights[4], weights[7], second);
    ec_winograd_filter_line(weights[2], weights[5], weights[8], third);
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) {
        int32_t row[4];
        ec_winograd_filter_line(first[i], second[i], third[i], row);
        to[0 * EC_WINOGRAD_LANES] = (int16_t)row[0];
        to[1 * EC_WINOGRAD_LANES] = (int16_t)row[1];
        to[2 * EC_WINOGRAD_LANES] = (int16_t)row[2];
        to[3 * EC_WINOGRAD_LANES] = (int16_t)row[3];
        to += 4 * EC_WINOGRAD_LANES;
    }
}

/* (a - c, b + c, c - b, b - d): the inputs' transform along one axis, here down a column of the window. */
static inline __attribute__((always_inline)) void ec_winograd_column(const int8_t *from, int32_t *column) {
    const int32_t a = from[0];
    const int32_t b = from[EC_WINOGRAD_WINDOW_ROW];
    const int32_t c = from[2 * EC_WINOGRAD_WINDOW_ROW];
    const int32_t d = from[3 * EC_WINOGRAD_WINDOW_ROW];
    column[0] = a - c;
    column[1] = b + c;
    column[2] = c - b;
    column[3] = b - d;
}

/* Stores what fits 16 bits; the compiler, who is not to know, would narrow all that leads to it, at an instruction or two each. */
static inline __attribute__((always_inline)) void ec_winograd_put(int32_t value, int16_t *to) {
    __asm__("" : "+r"(value));
    *to = (int16_t)value;
}

/* One channel of four tiles side by side, each two columns after the other, to [positions][EC_WINOGRAD_LANES], less what four times
 * `zero_point` adds to the one position that it reaches. */
static inline void ec_winograd_transform_input(const int8_t *from, int32_t zero_point, int16_t *to) {
    int32_t a[4];
    int32_t b[4];
    int32_t c[4];
    int32_t d[4];
    ec_winograd_column(from, a);
    ec_winograd_column(from + EC_WINOGRAD_PIXEL, b);
#pragma GCC unroll 4
    for (int tile = 0; tile < EC_WINOGRAD_LANES; tile++) {
        from += 2 * EC_WINOGRAD_PIXEL;
        ec_winograd_column(from, c);
        ec_winograd_column(from + EC_WINOGRAD_PIXEL, d);
#pragma GCC unroll 4
        for (int i = 0; i < 4; i++) {
            int16_t *row = to + 4 * i * EC_WINOGRAD_LANES + tile;
            ec_winograd_put(a[i] - c[i], row + 0 * EC_WINOGRAD_LANES);
            ec_winograd_put(b[i] + c[i] - (i == 1 ? 4 * zero_point : 0), row + 1 * EC_WINOGRAD_LANES);
            ec_winograd_put(c[i] - b[i], row + 2 * EC_WINOGRAD_LANES);
            ec_winograd_put(b[i] - d[i], row + 3 * EC_WINOGRAD_LANES);
            a[i] = c[i];
            b[i] = d[i];
        }
    }
}

/* The 2x2 outputs of a tile and a filter, [row][column], from sums that lie `step` apart; each is the exact fourth of what the
 * transform gives. */
static inline __attribute__((always_inline)) void ec_winograd_transform_output(const int32_t *sums, uint32_t step, int32_t output[4]) {
    int32_t above[4];
    int32_t below[4];
#pragma GCC unroll 4
    for (uint32_t i = 0; i < 4; i++) {
        const int32_t b = sums[(4 + i) * step];
        const int32_t c = sums[(8 + i) * step];
        above[i] = sums[i * step] + b + c;
        below[i] = b - c - sums[(12 + i) * step];
    }
    output[0] = (above[0] + above[1] + above[2]) >> 2;
    output[1] = (above[1] - above[2] - above[3]) >> 2;
    output[2] = (below[0] + below[1] + below[2]) >> 2;
    output[3] = (below[1] - below[2] - below[3]) >> 2;
}

#endif
