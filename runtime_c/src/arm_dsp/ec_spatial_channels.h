/* ec_spatial_channels.h - a convolution that predicts zeros where channels have masks of their own, a patch at a time.
 *
 * Channels are ordered by their masks. Those of one mask are computed two at a time at two positions: at the mask's, then at the others,
 * if they are above their thresholds. Four positions stand in the patch that loops read, mostly the mask's two and the other two; a mask
 * that names these others comes next and reads the same.
 *
 * Weights: where patches share their masks, records are in this order, so that a record's channels have one mask; `list` then counts up,
 * and the order says where outputs lie. Otherwise it is the other way round.
 * In the scratch of ec_spatial_lists.h: the order; the masks in this order; the channels that are above; numbers that count up; a byte a
 * channel, whether it is above.
 */
#ifndef EC_SPATIAL_CHANNELS_H
#define EC_SPATIAL_CHANNELS_H

#include "ec_spatial_layer.h"

/* A patch's positions by number, those that a mask names, then the others. */
typedef struct {
    uint32_t mask;
    uint32_t always;
    uint32_t others;
    uint8_t position[2][EC_SPATIAL_POSITIONS];
} ec_mask_positions;

static inline uint16_t *ec_channel_list(const ec_spatial_layer *l, uint32_t number) { return l->lists + number * l->block.channels; }

static inline int ec_is_shared_by_patches(const ec_spatial *s) { return s->row_step == 0 && s->column_step == 0; }

/* The masks of all channels at a patch. */
static void ec_read_masks(const ec_spatial *s, uint32_t row, uint32_t column, uint16_t *masks) {
    const uint32_t positions = s->patch * s->patch;
    uint32_t at = (row * s->row_step + column * s->column_step) * positions;
    for (uint32_t channel = 0; channel < s->output_c; channel++, at += positions) {
        uint32_t bits = s->masks[at / 8u];
        for (uint32_t byte = at / 8u + 1u; byte <= (at + positions - 1u) / 8u; byte++) {
            bits |= (uint32_t)s->masks[byte] << (byte - at / 8u) * 8u;
        }
        masks[channel] = (uint16_t)(bits >> at % 8u & ((1u << positions) - 1u));
    }
}

static void ec_count_up(uint16_t *to, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        to[i] = (uint16_t)i;
    }
}

/* Orders the channels of a patch: those of the first one's mask, of its complement, of the mask of the first that is left. */
static void ec_order_channels(const ec_spatial_layer *l, uint32_t row, uint32_t column) {
    const ec_spatial *const s = l->patches.spatial;
    const uint32_t all = (1u << s->patch * s->patch) - 1u;
    uint16_t *order = ec_channel_list(l, 0);
    uint16_t *ordered = ec_channel_list(l, 1);
    uint16_t *const masks = ec_channel_list(l, 2);
    uint16_t *const left = ec_channel_list(l, 3);
    uint32_t count = l->block.channels;
    ec_read_masks(s, row, column, masks);
    ec_count_up(left, count);
    for (uint32_t mask = 0, is_second = 0; count > 0; is_second = !is_second) {
        uint32_t others = 0;
        mask = is_second ? mask ^ all : masks[left[0]];
        for (uint32_t i = 0; i < count; i++) {
            if (masks[left[i]] == mask) {
                *order++ = left[i];
                *ordered++ = (uint16_t)mask;
            } else {
                left[others++] = left[i];
            }
        }
        count = others;
    }
    ec_count_up(left, l->block.channels);
}

/* Of a patch cut off after `rows` and `columns`. */
static void ec_split_positions(uint32_t mask, uint32_t patch, uint32_t rows, uint32_t columns, ec_mask_positions *to) {
    uint32_t number = 0;
    to->mask = mask;
    to->always = 0;
    to->others = 0;
    for (uint32_t y = 0; y < rows; y++) {
        for (uint32_t x = 0; x < columns; x++, number++) {
            if ((mask >> (y * patch + x) & 1u) != 0) {
                to->position[0][to->always++] = (uint8_t)number;
            } else {
                to->position[1][to->others++] = (uint8_t)number;
            }
        }
    }
}

/* Four positions into the patch that loops read, from two runs, of which each ends with its last once more. */
static void ec_load_four(ec_spatial_layer *l, const ec_patch *patch, const uint8_t *a, uint32_t count_a, const uint8_t *b,
                         uint32_t count_b) {
    ec_gather *const g = &l->patches.gather;
    const uint8_t four[EC_PIXELS] = {a[0], a[count_a > 1u], b[0], b[count_b > 1u]};
    ec_pixel at[EC_PIXELS];
    for (uint32_t i = 0; i < EC_PIXELS; i++) {
        const ec_position *const position = &patch->positions->position[four[i]];
        at[i] = (ec_pixel){patch->first.y + position->y, patch->first.x + position->x, patch->first.from + position->from};
        g->windows.source[i] = at[i].from;
        l->block.output[i] = patch->output + position->to;
    }
    if (patch->is_inside) {
        ec_put_four_windows(g);
    } else {
        ec_fill_patch(g, at, EC_PIXELS);
    }
}

/* Channels at some positions. */
static void ec_spatial_at(ec_spatial_layer *l, const ec_patch *patch, const uint8_t *position, uint32_t count, const uint16_t *list,
                          const uint16_t *end) {
    for (; count > 2u; position += 4, count -= count < 4u ? count : 4u) {
        ec_load_four(l, patch, position, 2, position + 2, count - 2u);
        ec_spatial_one_judged(&l->block, list, end, 0);
        ec_spatial_one_judged(&l->block, list, end, 8);
    }
    if (count > 0) {
        ec_load_four(l, patch, position, count, position, count);
        ec_spatial_one_judged(&l->block, list, end, 0);
    }
}

/* Lists the channels that are above their threshold; returns the end. */
static uint16_t *ec_list_above(const ec_spatial_layer *l, const uint16_t *list, const uint16_t *end) {
    uint16_t *to = ec_channel_list(l, 2);
    for (; list != end; list++) {
        if (l->before[*list] != 0) {
            *to++ = *list;
        }
    }
    return to;
}

/* The channels of one mask, of which four positions may be loaded, the others before its own. Returns whether they are. */
static int ec_spatial_mask_channels(ec_spatial_layer *l, const ec_patch *patch, const ec_mask_positions *p, int is_loaded,
                                    const uint16_t *list, const uint16_t *end) {
    const int is_halved = p->always - 1u < 2u && p->others - 1u < 2u;
    const uint32_t offset = is_loaded ? 8u : 0u;
    if (!is_halved) {
        ec_spatial_at(l, patch, p->position[0], p->always, list, end);
    } else {
        if (!is_loaded) {
            ec_load_four(l, patch, p->position[0], p->always, p->position[1], p->others);
        }
        ec_spatial_one_judged(&l->block, list, end, offset);
    }
    const uint16_t *const above = ec_channel_list(l, 2);
    const uint16_t *const above_end = p->others > 0 ? ec_list_above(l, list, end) : above;
    if (above != above_end && is_halved) {
        ec_spatial_one_judged(&l->block, above, above_end, 8u - offset);
    } else if (above != above_end) {
        ec_spatial_at(l, patch, p->position[1], p->others, above, above_end);
    }
    return is_halved;
}

/* All channels of a patch. */
static void ec_spatial_patch_channels(ec_spatial_layer *l, const ec_patch *patch, uint32_t rows, uint32_t columns) {
    const uint16_t *list = ec_channel_list(l, ec_is_shared_by_patches(l->patches.spatial) ? 3 : 0);
    const uint16_t *const list_end = list + l->block.channels;
    const uint16_t *mask = ec_channel_list(l, 1);
    const uint32_t size = l->patches.spatial->patch;
    const uint32_t all = (1u << size * size) - 1u;
    ec_mask_positions positions;
    uint32_t other = 0; /* the mask whose positions are loaded, behind the others; 0 if there is none */
    memset(l->before, 0, l->block.channels);
    ec_spatial_clear(l, patch);
    while (list != list_end) {
        const uint16_t *const first = list;
        const uint32_t own = *mask;
        while (list != list_end && *mask == own) {
            list++;
            mask++;
        }
        ec_split_positions(own, size, rows, columns, &positions);
        if (positions.always > 0) {
            const int is_loaded = own == other;
            const int is_halved = ec_spatial_mask_channels(l, patch, &positions, is_loaded, first, list);
            other = is_halved && !is_loaded ? own ^ all : 0;
        }
    }
}

/* Before the first row. */
static void ec_spatial_begin_channels(ec_spatial_layer *l) {
    const int is_shared = ec_is_shared_by_patches(l->patches.spatial);
    l->block.above_before = l->before;
    l->block.places = ec_channel_list(l, is_shared ? 0 : 3);
    l->patches.is_shared = 1; /* positions in the order of rows, whatever the mask */
    l->patches.mask = 0;
    if (is_shared) {
        ec_order_channels(l, 0, 0);
    }
}

/* The row of patches that begins at output row `top`, which `output` begins with too. */
static void ec_spatial_channels_row(ec_spatial_layer *l, uint32_t top, int8_t *output) {
    const ec_spatial *const s = l->patches.spatial;
    ec_patch patch;
    ec_patches_start_row(&l->patches, top, output);
    for (uint32_t left = 0; left < s->output_w; left += s->patch) {
        if (!ec_is_shared_by_patches(s)) {
            ec_order_channels(l, top / s->patch, left / s->patch);
        }
        ec_set_patch(&l->patches, &patch, 0, left);
        ec_spatial_patch_channels(l, &patch, l->patches.row.rows, ec_spatial_end(left, s->patch, s->output_w) - left);
    }
}

#endif
