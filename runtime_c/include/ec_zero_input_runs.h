/* ec_zero_input_runs.h - the inputs of a window that are not zero, as runs of lists.
 *
 * The inputs of a row are listed when the first window reads it, column by column without gaps; a ring holds the rows that windows still
 * read. What a row of a window reads is a run of its list, or of columns that do not lie side by side one run each.
 */
#ifndef EC_ZERO_INPUT_RUNS_H
#define EC_ZERO_INPUT_RUNS_H

#include <stddef.h>
#include <stdint.h>

#include "ec_conv2d_zero_input_s8.h"

#define EC_NO_ROW INT32_MAX

/* An input without the zero point; its weights are so many bytes from those of the row's first input. */
typedef struct {
    uint32_t offset;
    int32_t value;
} ec_listed_input;

/* Where a column begins in the list of its row, and the sum of the values before. */
typedef struct {
    const ec_listed_input *from;
    int32_t total;
} ec_listed_column;

/* Neighbours in a list; their weights are `offset` bytes further. */
typedef struct {
    const ec_listed_input *from; /* NULL behind the last run */
    const ec_listed_input *end;
    uint32_t offset; /* modulo 2^32 */
} ec_input_run;

/* A row of the windows. */
typedef struct {
    const ec_listed_column *columns; /* NULL outside the input */
    uint32_t offset;                 /* of its first tap's weights */
} ec_window_row;

typedef struct {
    const ec_conv2d_zero_input_s8_params *params;
    const int8_t *input; /* first channel of the group */
    uint32_t channels;
    uint32_t input_bytes; /* of weights, from one input to the next */
    uint32_t tap_bytes;
    uint32_t run_taps; /* that lie side by side */
    uint32_t reach;    /* input rows from the first to the last of a window: places in the ring */
    uint32_t row_bytes;
    ec_window_row *rows; /* [kernel_h] */
    ec_input_run *runs;  /* [kernel_h * kernel_w / run_taps + 1] */
    int32_t *listed;     /* [reach], the input row in each place of the ring, or EC_NO_ROW */
    uint8_t *ring;       /* [reach][row_bytes]: columns and one more, then what is listed */
} ec_zero_input_lists;

/* `scratch`: rows, runs, what is in the ring, the ring. */
static inline ec_zero_input_lists ec_make_zero_input_lists(const ec_conv2d_zero_input_s8_params *p, uint32_t input_bytes, void *scratch) {
    ec_zero_input_lists l;
    l.params = p;
    l.input = NULL;
    l.channels = (uint32_t)p->input_c / p->groups;
    l.input_bytes = input_bytes;
    l.tap_bytes = l.channels * input_bytes;
    l.run_taps = p->dilation_w == 1 ? p->kernel_w : 1U;
    l.reach = (p->kernel_h - 1U) * p->dilation_h + 1U;
    l.row_bytes = (p->input_w + 1U) * (uint32_t)sizeof(ec_listed_column) + p->input_w * l.channels * (uint32_t)sizeof(ec_listed_input);
    l.rows = (ec_window_row *)scratch;
    l.runs = (ec_input_run *)(void *)(l.rows + p->kernel_h);
    l.listed = (int32_t *)(void *)(l.runs + p->kernel_h * (p->kernel_w / l.run_taps) + 1U);
    l.ring = (uint8_t *)(void *)(l.listed + l.reach);
    return l;
}

/* Begins with a group; `input`: its first channel. */
static inline void ec_begin_zero_input_group(ec_zero_input_lists *l, const int8_t *input) {
    l->input = input;
    for (uint32_t i = 0; i < l->reach; i++) {
        l->listed[i] = EC_NO_ROW;
    }
}

/* Lists an input row. */
static __attribute__((noinline)) void ec_list_row(const ec_zero_input_lists *l, const int8_t *pixel, ec_listed_column *column) {
    const ec_conv2d_zero_input_s8_params *p = l->params;
    const int32_t zero_point = p->input_zero_point;
    const uint32_t span = p->zero_span;
    const uint32_t channels = l->channels;
    const uint32_t step = l->input_bytes;
    const uint32_t pixel_bytes = p->input_c;
    ec_listed_input *to = (ec_listed_input *)(void *)(column + p->input_w + 1);
    int32_t total = 0;
    uint32_t offset = 0;
    for (uint32_t columns = p->input_w; columns > 0; columns--) {
        column->from = to;
        column->total = total;
        column++;
        const int8_t *const end = pixel + channels;
        for (const int8_t *from = pixel; from != end; from++) {
            const int32_t value = *from - zero_point;
            if ((uint32_t)value > span) { /* or negative */
                to->offset = offset;
                to->value = value;
                to++;
                total += value;
            }
            offset += step;
        }
        pixel += pixel_bytes;
    }
    column->from = to;
    column->total = total;
}

/* Finds the rows of the windows whose first row is `y`, and lists those that the ring does not hold. */
static inline void ec_find_rows(const ec_zero_input_lists *l, int32_t y) {
    const ec_conv2d_zero_input_s8_params *p = l->params;
    ec_window_row *row = l->rows;
    uint32_t offset = 0;
    for (uint32_t left = p->kernel_h; left > 0; left--) {
        row->columns = NULL;
        row->offset = offset;
        if (y >= 0 && y < p->input_h) {
            const uint32_t place = (uint32_t)y % l->reach;
            ec_listed_column *const columns = (ec_listed_column *)(void *)(l->ring + place * l->row_bytes);
            if (l->listed[place] != y) {
                l->listed[place] = y;
                ec_list_row(l, l->input + (uint32_t)y * p->input_w * p->input_c, columns);
            }
            row->columns = columns;
        }
        row++;
        offset += p->kernel_w * l->tap_bytes;
        y += p->dilation_h;
    }
}

/* The runs of the window whose first tap is in column `x`, which may lie in the padding; returns the sum of their values. */
static __attribute__((noinline)) int32_t ec_find_runs(const ec_zero_input_lists *l, int32_t x) {
    const int32_t width = l->params->input_w;
    const int32_t taps = (int32_t)l->run_taps;
    const int32_t runs_end = x + l->params->kernel_w * l->params->dilation_w;
    const int32_t step = taps * l->params->dilation_w;
    const ec_window_row *const rows_end = l->rows + l->params->kernel_h;
    ec_input_run *to = l->runs;
    int32_t total = 0;
    for (uint32_t done = 0; x < runs_end; done += l->run_taps * l->tap_bytes) {
        const int32_t first = x < 0 ? 0 : x;
        const int32_t end = x + taps < width ? x + taps : width;
        const uint32_t offset = done - (uint32_t)x * l->tap_bytes;
        for (const ec_window_row *row = first < end ? l->rows : rows_end; row != rows_end; row++) {
            if (row->columns != NULL && row->columns[first].from != row->columns[end].from) {
                to->from = row->columns[first].from;
                to->end = row->columns[end].from;
                to->offset = row->offset + offset;
                to++;
                total += row->columns[end].total - row->columns[first].total;
            }
        }
        x += step;
    }
    to->from = NULL;
    return total;
}

#endif
