/* ec_spatial_patches.h - where the outputs of a patch lie and what they read, those of its mask first. */
#ifndef EC_SPATIAL_PATCHES_H
#define EC_SPATIAL_PATCHES_H

#include "ec_conv2d_gather.h"
#include "ec_spatial.h"
#include "ec_spatial_block.h"

#define EC_SPATIAL_POSITIONS 16u /* of a patch */

/* Counted from the first position of the patch. */
typedef struct {
    int32_t y; /* of its window, in the input */
    int32_t x;
    int32_t from; /* its window, bytes */
    uint32_t to;  /* its output, bytes */
} ec_position;

typedef struct {
    uint32_t key;    /* mask, rows and columns within the map */
    uint32_t always; /* how many positions the mask names; the others follow */
    uint32_t count;
    ec_position position[EC_SPATIAL_POSITIONS];
} ec_positions;

typedef struct {
    const ec_positions *positions;
    ec_pixel first; /* its first position's window */
    int8_t *output; /* its first position */
    int is_inside;  /* whether no position reads padding */
} ec_patch;

/* A row of patches: what they have in common. */
typedef struct {
    uint32_t top; /* of the output */
    uint32_t rows;
    int32_t y; /* of the first windows */
    int is_inside;
    const int8_t *from; /* the first position's window */
    int8_t *output;
} ec_patch_row;

/* A layer, and the patches at work. */
typedef struct {
    const ec_conv2d_s8_params *p;
    const ec_spatial *spatial;
    const int8_t *input;
    int is_shared; /* one mask by all patches: */
    uint32_t mask;
    int32_t step_y; /* bytes between windows of neighbouring positions */
    int32_t step_x;
    uint32_t band_rows;
    ec_gather gather;
    ec_patch_row row;
    ec_positions positions[2];
} ec_patches;

static void ec_patches_begin(ec_patches *l, const ec_conv2d_s8_params *p, const ec_spatial *spatial, const int8_t *input, void *scratch) {
    ec_gather *const g = &l->gather;
    ec_set_gather(g, p, scratch);
    l->p = p;
    l->spatial = spatial;
    l->input = input;
    l->is_shared = spatial->row_step == 0 && spatial->column_step == 0;
    l->mask = ec_spatial_mask(spatial, 0, 0, 0);
    l->step_y = (int32_t)(p->stride_h * (g->band != NULL ? g->band_row : g->input_row));
    l->step_x = p->stride_w * p->input_c;
    l->band_rows = (spatial->patch - 1u) * p->stride_h + p->kernel_h;
    l->positions[0].key = 0; /* of no patch: it would have no rows */
    l->positions[1].key = 0;
}

/* What the windows of a row of patches read, with padding around it, if the layer needs a band; its kernel rows are not dilated. */
static void ec_patches_fill_band(const ec_patches *l, uint32_t top) {
    if (l->gather.band != NULL) {
        ec_gather rows = l->gather;
        rows.kernel_h = l->band_rows;
        ec_fill_band(&rows, l->input, (int32_t)(top * l->p->stride_h) - l->p->pad_top);
    }
}

static void ec_add_position(const ec_patches *l, ec_positions *to, uint32_t y, uint32_t x) {
    ec_position *const position = &to->position[to->count++];
    position->y = (int32_t)(y * l->p->stride_h);
    position->x = (int32_t)(x * l->p->stride_w);
    position->from = (int32_t)y * l->step_y + (int32_t)x * l->step_x;
    position->to = (y * l->p->output_w + x) * l->p->output_c;
}

EC_NOT_INLINED static void ec_list_positions(const ec_patches *l, ec_positions *to, uint32_t mask, uint32_t rows, uint32_t columns) {
    to->count = 0;
    for (uint32_t others = 0; others < 2u; others++) {
        for (uint32_t y = 0; y < rows; y++) {
            for (uint32_t x = 0; x < columns; x++) {
                if ((mask >> (y * l->spatial->patch + x) & 1u) != others) {
                    ec_add_position(l, to, y, x);
                }
            }
        }
        if (!others) {
            to->always = to->count;
        }
    }
}

/* Go to the row of patches from output row `top` on, which `output` begins with too. */
static void ec_patches_start_row(ec_patches *l, uint32_t top, int8_t *output) {
    const ec_conv2d_s8_params *const p = l->p;
    ec_patch_row *const row = &l->row;
    const int8_t *const band = l->gather.band;
    row->top = top;
    row->rows = ec_spatial_end(top, l->spatial->patch, p->output_h) - top;
    row->y = (int32_t)(top * p->stride_h) - p->pad_top;
    const uint32_t last = (uint32_t)row->y + (row->rows - 1u) * p->stride_h;
    row->is_inside = (uint32_t)row->y < l->gather.inside_h && last < l->gather.inside_h;
    row->from = band != NULL ? band : l->input + (row->y * p->input_w - p->pad_left) * p->input_c;
    row->output = output;
    ec_patches_fill_band(l, top);
}

/* The patch from column `left` on. */
static void ec_set_patch(ec_patches *l, ec_patch *patch, uint32_t which, uint32_t left) {
    const ec_spatial *const s = l->spatial;
    const ec_conv2d_s8_params *const p = l->p;
    const ec_patch_row *const row = &l->row;
    ec_positions *const positions = &l->positions[which];
    const uint32_t columns = ec_spatial_end(left, s->patch, p->output_w) - left;
    const uint32_t mask = l->is_shared ? l->mask : ec_spatial_mask(s, row->top / s->patch, left / s->patch, 0);
    const uint32_t key = mask | row->rows << 16 | columns << 20;
    if (positions->key != key) {
        positions->key = key;
        ec_list_positions(l, positions, mask, row->rows, columns);
    }
    const uint32_t x = left * p->stride_w - p->pad_left;
    const uint32_t last = x + (columns - 1u) * p->stride_w;
    patch->positions = positions;
    patch->first.y = row->y;
    patch->first.x = (int32_t)x;
    patch->first.from = row->from + (int32_t)left * l->step_x;
    patch->output = row->output + left * p->output_c;
    patch->is_inside = l->gather.band != NULL || (row->is_inside && x < l->gather.inside_w && last < l->gather.inside_w);
}

/* Positions first .. end - 1 of a patch that are still to be computed. */
typedef struct {
    const ec_patch *patch;
    uint32_t first;
    uint32_t end;
} ec_run;

static inline const ec_position *ec_position_of(const ec_run *run, uint32_t i) {
    const uint32_t next = run->first + i;
    return &run->patch->positions->position[next < run->end ? next : run->end - 1u];
}

/* Four windows of which some may read padding. */
EC_NOT_INLINED static void ec_load_at_border(ec_gather *g, const ec_run *runs) {
    ec_pixel at[EC_PIXELS];
    for (uint32_t i = 0; i < EC_PIXELS; i++) {
        const ec_position *const position = ec_position_of(&runs[i / 2u], i % 2u);
        const ec_pixel *const first = &runs[i / 2u].patch->first;
        at[i] = (ec_pixel){first->y + position->y, first->x + position->x, first->from + position->from};
    }
    ec_fill_patch(g, at, EC_PIXELS);
}

/* The next two positions of each run into the patch, the last once more where there is no other; where the outputs lie to `output`.
 * Neither run is empty. */
static void ec_load_positions(ec_gather *g, const ec_run *runs, int8_t **output) {
    for (uint32_t i = 0; i < 2u; i++) {
        const ec_patch *const patch = runs[i].patch;
        const ec_position *const a = ec_position_of(&runs[i], 0);
        const ec_position *const b = ec_position_of(&runs[i], 1);
        g->windows.source[2u * i] = patch->first.from + a->from;
        g->windows.source[2u * i + 1u] = patch->first.from + b->from;
        output[2u * i] = patch->output + a->to;
        output[2u * i + 1u] = patch->output + b->to;
    }
    if (runs[0].patch->is_inside && runs[1].patch->is_inside) {
        ec_put_four_windows(g);
    } else {
        ec_load_at_border(g, runs);
    }
}

#endif
