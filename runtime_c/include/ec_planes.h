/* ec_planes.h - depthwise convolution on merged planes, for cores that multiply 32 bits but have no vectors.
 *
 * One input channel at a time is unpacked, with its padding, to a plane of merged words (ec_triples.h) that hold three outputs: those at
 * the same place in three parts of the output, one a third of it behind the other. So a tap costs two multiplications for three products,
 * and neighbours along the plane's rows lie side by side.
 *
 * The output is cut into thirds along the axis that wastes least, its "rows"; the other are its "columns". Where the plane of a whole
 * channel would be too large, the output is computed in strips of rows.
 *
 * Weights: [output_c][kernel_h][kernel_w]. Scratch: jobs, taps, plane.
 */
#ifndef EC_PLANES_H
#define EC_PLANES_H

#include <stdint.h>
#include <string.h>

#include "ec_depthwise_conv2d_s8.h"

#define EC_THIRDS 3U
#define EC_MERGED_WORDS 2U
#define EC_PLACE_BYTES 8U    /* of a plane */
#define EC_MOST_JOBS 5U      /* for each phase: thirds begin and end to be within the input at six rows at most */
#define EC_PLANE_BYTES 8192U /* of a plane, unless a third row by row needs more, or half of the output does */

/* Where a tap lies from the place of an output in the plane, in bytes, and its weight. */
typedef struct {
    int32_t offset;
    int32_t weight;
} ec_tap;

/* Part of a plane whose words are all merged from the same: each third's input, or padding. In assembly, by the offsets in front of each
 * member. */
typedef struct {
    /*  0 */ const int8_t *from[EC_THIRDS];
    /* 12 */ int32_t step[EC_THIRDS];     /* bytes from column to column; 0 for padding, as the next two */
    /* 24 */ int32_t row_step[EC_THIRDS]; /* from the end of a row to the next */
    /* 36 */ int32_t advance[EC_THIRDS];  /* `from` from channel to channel */
    /* 48 */ uint32_t *to;
    /* 52 */ uint32_t row_bytes; /* written in a row, at least 8 */
    /* 56 */ uint32_t gap_bytes; /* from there to the next row */
    /* 60 */ uint32_t rows;      /* at least 1 */
} ec_merge_job;

/* Rows of outputs whose thirds exist alike. */
typedef struct {
    /*  0 */ uint32_t rows;
    /*  4 */ uint32_t second; /* bytes from an output of the first third to those of the others; 0 where there is none */
    /*  8 */ uint32_t third;
} ec_row_group;

/* One channel of a strip. */
typedef struct {
    /*  0 */ uint32_t start[EC_MERGED_WORDS]; /* accumulators, with the bias if it leaves room for the products */
    /*  8 */ const ec_tap *taps;
    /* 12 */ const ec_tap *taps_end;
    /* 16 */ const uint32_t *plane;
    /* 20 */ int8_t *output;
    /* 24 */ uint32_t plane_step;  /* bytes from row to row */
    /* 28 */ uint32_t row_step;    /* the same in the output */
    /* 32 */ uint32_t column_step; /* bytes from column to column in the output */
    /* 36 */ uint32_t pairs_bytes; /* of a row in the plane, in which outputs have a neighbour */
    /* 40 */ uint32_t odd;         /* whether one more is left in each row */
    /* 44 */ int32_t zero_point;
    /* 48 */ int32_t multiplier;
    /* 52 */ uint32_t rare; /* whether the sums lack a bias or a shift */
    /* 56 */ int32_t low;
    /* 60 */ int32_t high;
    /* 64 */ int32_t bias;
    /* 68 */ uint32_t shift;
    /* 72 */ uint32_t rescaling[3];               /* for the instruction set's own use */
    /* 84 */ ec_row_group groups[EC_THIRDS + 1U]; /* the last has no rows */
} ec_plane_rows;

typedef struct {
    /* Does all jobs, and moves them to the next channel. */
    void (*merge)(ec_merge_job *jobs, const ec_merge_job *end);
    void (*rows)(ec_plane_rows *rows);
} ec_planes_loops;

/* One axis; steps in bytes. */
typedef struct {
    uint32_t input;
    uint32_t output;
    uint32_t taps;
    uint32_t stride; /* in the plane */
    uint32_t dilation;
    uint32_t skip; /* inputs of which the plane has one: the stride of a kernel with one tap */
    int32_t pad;
    uint32_t input_step;
    uint32_t output_step;
} ec_plane_axis;

typedef struct {
    const ec_depthwise_conv2d_s8_params *params;
    int turned; /* rows of the plane lie along the width */
    ec_plane_axis rows;
    ec_plane_axis columns;
    ec_merge_job *jobs;
    ec_merge_job *jobs_end;
    ec_tap *taps;
    uint32_t *plane;
    uint32_t phase_bytes;  /* columns are sorted by their remainder modulo the stride */
    uint32_t pitch_bytes;  /* of a row */
    uint32_t third;        /* rows of a third of a strip */
    const int8_t *padding; /* one byte */
} ec_planes;

static inline ec_plane_axis ec_make_plane_axis(uint32_t input, uint32_t output, uint32_t taps, uint32_t stride, uint32_t dilation,
                                               int32_t pad, uint32_t input_step, uint32_t output_step) {
    const int one = taps == 1U;
    return (ec_plane_axis){input, output, taps, one ? 1U : stride, dilation, one ? stride : 1U, pad, input_step, output_step};
}

/* How much of the plane some outputs need. */
static inline uint32_t ec_plane_reach(const ec_plane_axis *axis, uint32_t outputs) {
    return (outputs - 1U) * axis->stride + (axis->taps - 1U) * axis->dilation + 1U;
}

static inline uint32_t ec_thirds_cost(const ec_plane_axis *rows, const ec_plane_axis *columns) {
    return (rows->output + 2U) / 3U * (7U * (columns->output / 2U) + 5U * (columns->output % 2U));
}

static inline void ec_lay_out_planes(ec_planes *planes, const ec_depthwise_conv2d_s8_params *p, void *scratch, const int8_t *padding) {
    const uint32_t pixel = p->input_c;
    const uint32_t output = p->output_c;
    const ec_plane_axis h = ec_make_plane_axis(p->input_h, p->output_h, p->kernel_h, p->stride_h, p->dilation_h, p->pad_top,
                                               p->input_w * pixel, p->output_w * output);
    const ec_plane_axis w =
        ec_make_plane_axis(p->input_w, p->output_w, p->kernel_w, p->stride_w, p->dilation_w, p->pad_left, pixel, output);
    const uint32_t half_output = (uint32_t)p->output_h * p->output_w * output / 2U;
    const uint32_t limit = half_output > EC_PLANE_BYTES ? half_output : EC_PLANE_BYTES;
    planes->params = p;
    planes->padding = padding;
    planes->turned = ec_thirds_cost(&w, &h) < ec_thirds_cost(&h, &w);
    planes->rows = planes->turned ? w : h;
    planes->columns = planes->turned ? h : w;
    planes->jobs = (ec_merge_job *)scratch;
    planes->taps = (ec_tap *)(planes->jobs + EC_MOST_JOBS * planes->columns.stride);
    planes->plane = (uint32_t *)(planes->taps + p->kernel_h * p->kernel_w);
    const uint32_t columns = ec_plane_reach(&planes->columns, planes->columns.output);
    const uint32_t stride = planes->columns.stride;
    planes->phase_bytes = (columns + stride - 1U) / stride * EC_PLACE_BYTES;
    planes->pitch_bytes = planes->phase_bytes * stride;
    planes->third = (planes->rows.output + 2U) / 3U;
    const uint32_t fixed = ec_plane_reach(&planes->rows, 1U);
    if (ec_plane_reach(&planes->rows, planes->third) * planes->pitch_bytes > limit) {
        const uint32_t most = EC_PLANE_BYTES / planes->pitch_bytes;
        planes->third = most > fixed ? (most - fixed) / planes->rows.stride + 1U : 1U;
    }
}

static inline void ec_list_taps(const ec_planes *planes) {
    const ec_depthwise_conv2d_s8_params *p = planes->params;
    ec_tap *tap = planes->taps;
    for (uint32_t ky = 0; ky < p->kernel_h; ky++) {
        for (uint32_t kx = 0; kx < p->kernel_w; kx++) {
            const uint32_t row = (planes->turned ? kx : ky) * planes->rows.dilation;
            const uint32_t column = (planes->turned ? ky : kx) * planes->columns.dilation;
            const uint32_t stride = planes->columns.stride;
            const uint32_t place = column / stride * EC_PLACE_BYTES;
            tap->offset = (int32_t)(row * planes->pitch_bytes + column % stride * planes->phase_bytes + place);
            tap++;
        }
    }
}

/* Rows [row, end) of the plane, of which each third's input rows start at `at`: all within the input, or all not. */
static inline void ec_add_jobs(ec_planes *planes, const int8_t *input, const int32_t *at, uint32_t row, uint32_t end) {
    const ec_plane_axis *rows = &planes->rows;
    const ec_plane_axis *columns = &planes->columns;
    const int32_t width = (int32_t)columns->input;
    const int32_t places = (int32_t)(planes->phase_bytes / EC_PLACE_BYTES);
    const int32_t step = (int32_t)(columns->stride * columns->skip);
    for (int32_t phase = 0; phase < (int32_t)columns->stride; phase++) {
        /* Place i of this phase is input column `first + i * step`. */
        const int32_t first = phase - columns->pad;
        const int32_t begin = first < 0 ? (step - 1 - first) / step : 0;
        const int32_t inside = first < width ? (width - 1 - first) / step + 1 : 0;
        const int32_t count = (inside < places ? inside : places) - begin;
        if (count <= 0) {
            continue;
        }
        ec_merge_job *const job = planes->jobs_end++;
        const int32_t column = (first + begin * step) * (int32_t)columns->input_step;
        for (uint32_t t = 0; t < EC_THIRDS; t++) {
            const int within = at[t] >= 0 && at[t] < (int32_t)rows->input;
            job->from[t] = within ? input + at[t] * (int32_t)rows->input_step + column : planes->padding;
            job->step[t] = within ? step * (int32_t)columns->input_step : 0;
            job->row_step[t] = within ? (int32_t)(rows->skip * rows->input_step) - count * job->step[t] : 0;
            job->advance[t] = within;
        }
        const uint32_t offset = row * planes->pitch_bytes + (uint32_t)phase * planes->phase_bytes + (uint32_t)begin * EC_PLACE_BYTES;
        job->to = planes->plane + offset / sizeof(uint32_t);
        job->row_bytes = (uint32_t)count * EC_PLACE_BYTES;
        job->gap_bytes = planes->pitch_bytes - job->row_bytes;
        job->rows = end - row;
    }
}

/* How many rows from `at` on are all within the input, or all not. */
static inline uint32_t ec_rows_alike(const ec_plane_axis *rows, int32_t at) {
    const int32_t skip = (int32_t)rows->skip;
    if (at >= (int32_t)rows->input) {
        return UINT32_MAX;
    }
    return (uint32_t)(((at < 0 ? 0 : (int32_t)rows->input) - at + skip - 1) / skip);
}

/* The jobs of a strip whose first output row is `first`. */
static inline void ec_list_jobs(ec_planes *planes, const int8_t *input, uint32_t first, uint32_t third) {
    const ec_plane_axis *rows = &planes->rows;
    const uint32_t count = ec_plane_reach(rows, third);
    const int32_t apart = (int32_t)(third * rows->stride * rows->skip);
    int32_t at[EC_THIRDS];
    at[0] = (int32_t)(first * rows->stride * rows->skip) - rows->pad;
    at[1] = at[0] + apart;
    at[2] = at[1] + apart;
    planes->jobs_end = planes->jobs;
    for (uint32_t row = 0; row < count;) {
        uint32_t alike = count - row;
        for (uint32_t t = 0; t < EC_THIRDS; t++) {
            const uint32_t own = ec_rows_alike(rows, at[t]);
            alike = own < alike ? own : alike;
        }
        const int32_t height = (int32_t)rows->input;
        if ((at[0] >= 0 && at[0] < height) || (at[1] >= 0 && at[1] < height) || (at[2] >= 0 && at[2] < height)) {
            ec_add_jobs(planes, input, at, row, row + alike);
        }
        for (uint32_t t = 0; t < EC_THIRDS; t++) {
            at[t] += (int32_t)(alike * rows->skip);
        }
        row += alike;
    }
}

/* What all channels of a strip of `count` output rows have in common: rows with three thirds, with the first two, with the first only. */
static inline void ec_list_rows(const ec_planes *planes, uint32_t third, uint32_t count, ec_plane_rows *rows) {
    const uint32_t part = third * planes->rows.output_step;
    const uint32_t ends[EC_THIRDS] = {count > 2U * third ? count - 2U * third : 0, count > third ? count - third : 0, third};
    ec_row_group *group = rows->groups;
    uint32_t done = 0;
    for (uint32_t i = 0; i < EC_THIRDS; i++) {
        const uint32_t end = ends[i] < third ? ends[i] : third;
        if (end > done) {
            *group++ = (ec_row_group){end - done, i < 2U ? part : 0, i < 1U ? 2U * part : 0};
            done = end;
        }
    }
    group->rows = 0;
}

/* One output channel of a strip, from the plane. */
static inline void ec_convolve_plane(const ec_planes *planes, uint32_t channel, int8_t *output, ec_plane_rows *rows,
                                     const ec_planes_loops *loops) {
    const ec_depthwise_conv2d_s8_params *p = planes->params;
    const uint32_t taps = (uint32_t)(rows->taps_end - rows->taps);
    const int32_t room = (1 << 20) - (int32_t)(taps << 14);
    const int32_t bias = p->bias[channel];
    const uint32_t start = bias < room && bias > -room ? (uint32_t)bias : 0;
    const int8_t *weight = p->weights + channel * taps;
    for (ec_tap *tap = planes->taps; tap != rows->taps_end; tap++) {
        tap->weight = *weight++;
    }
    rows->start[0] = start + (start << 21);
    rows->start[1] = start + (start << 11);
    rows->bias = bias - (int32_t)start;
    rows->rare = rows->bias != 0 || p->shift != 0;
    rows->output = output + channel;
    rows->multiplier = p->multiplier[channel];
    loops->rows(rows);
}

/* Words of padding all over: what lies inside the input is merged over it. */
static inline void ec_fill_plane(const ec_planes *planes, uint32_t third) {
    const uint32_t padding = (uint32_t)*planes->padding;
    uint32_t *word = planes->plane;
    for (uint32_t left = ec_plane_reach(&planes->rows, third) * planes->pitch_bytes; left > 0; left -= 8U) {
        *word++ = padding + (padding << 21);
        *word++ = padding + (padding << 11);
    }
}

/* Where the output lies over the input, each of its channels must lie over the same channel, which is in the plane by then: the input is
 * moved forward by less than a pixel. */
static inline const int8_t *ec_align_channels(const ec_depthwise_conv2d_s8_params *p, const int8_t *input, const int8_t *output) {
    const uint32_t output_bytes = (uint32_t)p->output_h * p->output_w * p->output_c;
    const uintptr_t distance = (uintptr_t)input - (uintptr_t)output;
    if ((uintptr_t)input < (uintptr_t)output || distance >= output_bytes || distance % p->input_c == 0) {
        return input;
    }
    int8_t *const moved = (int8_t *)(uintptr_t)(input - distance % p->input_c);
    memmove(moved, input, (uint32_t)p->input_h * p->input_w * p->input_c);
    return moved;
}

static inline void ec_convolve_planes(const ec_depthwise_conv2d_s8_params *p, const int8_t *input, int8_t *output, void *scratch,
                                      const ec_planes_loops *loops) {
    const int8_t padding = p->input_zero_point;
    ec_planes planes;
    ec_lay_out_planes(&planes, p, scratch, &padding);
    ec_list_taps(&planes);
    ec_plane_rows rows;
    rows.taps = planes.taps;
    rows.taps_end = planes.taps + p->kernel_h * p->kernel_w;
    rows.plane = planes.plane;
    rows.plane_step = planes.rows.stride * planes.pitch_bytes;
    rows.row_step = planes.rows.output_step;
    rows.column_step = planes.columns.output_step;
    rows.pairs_bytes = planes.columns.output / 2U * 2U * EC_PLACE_BYTES;
    rows.odd = planes.columns.output % 2U;
    rows.zero_point = p->output_zero_point;
    rows.shift = p->shift;
    rows.low = p->clamp_min;
    rows.high = p->clamp_max;
    input = ec_align_channels(p, input, output);
    for (uint32_t first = 0; first < planes.rows.output; first += 3U * planes.third) {
        const uint32_t left = planes.rows.output - first;
        const uint32_t count = left < 3U * planes.third ? left : 3U * planes.third;
        const uint32_t third = (count + 2U) / 3U;
        uint32_t filter = p->channel_multiplier;
        ec_fill_plane(&planes, third);
        ec_list_jobs(&planes, input, first, third);
        ec_list_rows(&planes, third, count, &rows);
        for (uint32_t channel = 0; channel < p->output_c; channel++) {
            if (filter == p->channel_multiplier) {
                loops->merge(planes.jobs, planes.jobs_end);
                filter = 0;
            }
            filter++;
            ec_convolve_plane(&planes, channel, output + first * planes.rows.output_step, &rows, loops);
        }
    }
}

#endif
