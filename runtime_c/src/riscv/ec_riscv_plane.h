/* ec_riscv_plane.h - four channels of an NHWC image, or of a tile of it, gathered into a padded plane.
 *
 * Columns are split by their remainder modulo `phases`, so that columns which are `phases` apart lie side by side:
 * plane[row][column % phases][column / phases][4]. Between neighbours lie EC_RISCV_PIXEL bytes, few enough for an immediate offset.
 */
#ifndef EC_RISCV_PLANE_H
#define EC_RISCV_PLANE_H

#include <stdint.h>
#include <string.h>

#define EC_RISCV_PIXEL 4 /* channels in a plane, and bytes from column to column */

/* One axis along which windows slide. */
typedef struct {
    int32_t input;
    int32_t output;
    int32_t kernel;
    int32_t stride;
    int32_t dilation;
    int32_t pad;
    int32_t input_step;  /* bytes from one to the next */
    int32_t output_step; /* the same in the output */
    int32_t weight_step; /* the same between taps */
} ec_riscv_axis;

typedef struct {
    int8_t *data;
    int32_t phases;
    int32_t phase_columns;
    int32_t pitch; /* bytes of a row */
    int32_t rows;
    int32_t first_row; /* in the input, negative in the padding */
    int32_t first_column;
} ec_riscv_plane;

/* Bytes from the start of a row of the plane to a column. */
static inline int32_t ec_riscv_column(const ec_riscv_plane *plane, int32_t column) {
    if (plane->phases != 1) {
        column = column % plane->phases * plane->phase_columns + column / plane->phases;
    }
    return column * EC_RISCV_PIXEL;
}

/* Elements of the padded input that `outputs` neighbouring windows reach over. */
static inline int32_t ec_riscv_reach(const ec_riscv_axis *axis, int32_t outputs) {
    return (outputs - 1) * axis->stride + (axis->kernel - 1) * axis->dilation + 1;
}

/* `columns` pixels, `step` bytes apart; where `whole` all four channels are there and lie in an aligned word. */
static inline __attribute__((always_inline)) void ec_riscv_gather_row(int8_t *to, const int8_t *from, int32_t step, int32_t columns,
                                                                      uint32_t channels, int whole) {
    for (int8_t *end = to + columns * EC_RISCV_PIXEL; to != end; to += EC_RISCV_PIXEL) {
        if (whole) {
            memcpy(__builtin_assume_aligned(to, 4), __builtin_assume_aligned(from, 4), 4);
        } else {
            for (uint32_t c = 0; c < channels; c++) {
                to[c] = from[c];
            }
        }
        from += step;
    }
}

/* Puts the input's part of up to four channels in its place and leaves the padding as it is. input: the first of the channels. */
static inline void ec_riscv_gather_plane(const ec_riscv_plane *plane, const ec_riscv_axis *outer, const ec_riscv_axis *inner,
                                         const int8_t *input, uint32_t channels) {
    const int32_t begin = plane->first_row < 0 ? -plane->first_row : 0;
    const int32_t left = outer->input - plane->first_row;
    const int32_t end = left < plane->rows ? left : plane->rows;
    const int32_t step = plane->phases * inner->input_step;
    const int whole =
        channels == EC_RISCV_PIXEL && ((uintptr_t)input | (uint32_t)inner->input_step | (uint32_t)outer->input_step) % 4U == 0;
    for (int32_t phase = 0; phase < plane->phases; phase++) {
        int32_t column = plane->first_column + phase; /* in the input */
        int32_t at = 0;                               /* in the phase */
        while (column < 0) {
            column += plane->phases;
            at++;
        }
        const int32_t inside = (inner->input - column + plane->phases - 1) / plane->phases;
        const int32_t room = plane->phase_columns - at;
        const int32_t columns = inside < room ? inside : room;
        int8_t *to = plane->data + begin * plane->pitch + (phase * plane->phase_columns + at) * EC_RISCV_PIXEL;
        int32_t from = (plane->first_row + begin) * outer->input_step + column * inner->input_step;
        for (int32_t row = begin; row < end && columns > 0; row++) {
            if (whole) {
                ec_riscv_gather_row(to, input + from, step, columns, EC_RISCV_PIXEL, 1);
            } else {
                ec_riscv_gather_row(to, input + from, step, columns, channels, 0);
            }
            to += plane->pitch;
            from += outer->input_step;
        }
    }
}

#endif
