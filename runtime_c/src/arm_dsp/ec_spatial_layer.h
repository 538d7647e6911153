/* ec_spatial_layer.h - a convolution that predicts zeros, two neighbouring patches at a time.
 *
 * First the positions of the masks are computed for all channels, two positions of each patch at a time. Channels go to a list: those
 * above their threshold in the first patch, in the second, in both. Then the other positions are computed for the channels of the lists.
 * Where a residual is to be added, outputs go to a buffer in between, and channels are judged there.
 */
#ifndef EC_SPATIAL_LAYER_H
#define EC_SPATIAL_LAYER_H

#include "ec_spatial_lists.h"

/* Positions of the masks, two of each patch at a time; lists what is above. Neither patch is without any. */
static void ec_spatial_always(ec_spatial_layer *l, ec_run *runs) {
    ec_spatial_block *const b = &l->block;
    int8_t *output[EC_PIXELS];
    b->above_before = NULL;
    if (runs[0].end > 2u || runs[1].end > 2u) {
        b->above_before = l->before;
        memset(l->before, 0, b->channels);
    }
    for (; runs[0].first < runs[0].end || runs[1].first < runs[1].end; runs[0].first += 2u, runs[1].first += 2u) {
        const int first = runs[0].first < runs[0].end;
        const int second = runs[1].first < runs[1].end;
        ec_spatial_clear_lists(l);
        if (l->sum == NULL) {
            ec_load_positions(&l->patches.gather, runs, b->output);
        } else {
            ec_load_positions(&l->patches.gather, runs, output);
            ec_spatial_store_at_once(l->sum, b, first, second, output);
        }
        b->channel = 0;
        b->valid = (first ? 0x0101u : 0u) + (second ? 0x0202u : 0u);
        ec_spatial_pairs(b);
    }
}

/* The other positions of the patches, two of each at a time, for the channels that are above the threshold. */
static void ec_spatial_others(ec_spatial_layer *l, ec_run *runs) {
    ec_spatial_block *const b = &l->block;
    const uint32_t none = runs[0].end == 0 ? 0u : runs[1].end == 0 ? 1u : 2u;
    int8_t *output[EC_PIXELS];
    for (; runs[0].first < runs[0].end || runs[1].first < runs[1].end; runs[0].first += 2u, runs[1].first += 2u) {
        const int first = runs[0].first < runs[0].end;
        const int second = runs[1].first < runs[1].end;
        const ec_run used[2] = {runs[none == 0 ? 1 : 0], runs[none == 1 ? 0 : 1]};
        if (l->sum == NULL) {
            ec_load_positions(&l->patches.gather, used, b->output);
        } else {
            ec_load_positions(&l->patches.gather, used, output);
            ec_spatial_store_later(l->sum, b, output);
        }
        if (first && second) {
            ec_spatial_list_for_both(l);
        } else {
            ec_spatial_list_for_one(l, 3, first ? 0 : 8);
        }
        if (first) {
            ec_spatial_list_for_one(l, 1, 0);
        }
        if (second) {
            ec_spatial_list_for_one(l, 2, 8);
        }
        if (l->sum != NULL) {
            ec_spatial_store_now(b, first, second, output);
        }
    }
}

/* Zeros at all positions that are not always computed. */
static void ec_spatial_clear(const ec_spatial_layer *l, const ec_patch *patch) {
    const ec_positions *const positions = patch->positions;
    const uint32_t word = ec_splat_byte(l->patches.spatial->zero_point);
    for (uint32_t i = positions->always; i < positions->count; i++) {
        int8_t *to = patch->output + positions->position[i].to;
        uint32_t count = l->block.channels;
        for (; count >= 16u; count -= 16u, to += 16u) {
            ec_store_word(to, word);
            ec_store_word(to + 4, word);
            ec_store_word(to + 8, word);
            ec_store_word(to + 12, word);
        }
        for (; count > 0; count--) {
            *to++ = (int8_t)word;
        }
    }
}

/* Two positions of each of two patches, from number `first` on. */
static void ec_spatial_load_halves(ec_spatial_layer *l, const ec_patch *a, const ec_patch *b, uint32_t first) {
    ec_gather *const g = &l->patches.gather;
    int8_t **const output = l->block.output;
    const ec_position *const of_a = &a->positions->position[first];
    const ec_position *const of_b = &b->positions->position[first];
    output[0] = a->output + of_a[0].to;
    output[1] = a->output + of_a[1].to;
    output[2] = b->output + of_b[0].to;
    output[3] = b->output + of_b[1].to;
    if (a->is_inside && b->is_inside) {
        g->windows.source[0] = a->first.from + of_a[0].from;
        g->windows.source[1] = a->first.from + of_a[1].from;
        g->windows.source[2] = b->first.from + of_b[0].from;
        g->windows.source[3] = b->first.from + of_b[1].from;
        ec_put_four_windows(g);
    } else {
        const ec_run runs[2] = {{a, first, first + 2u}, {b, first, first + 2u}};
        ec_load_at_border(g, runs);
    }
}

/* Whether a patch has four positions, of which its mask names two. */
static inline int ec_is_halved(const ec_patch *patch) { return patch->positions->always == 2u && patch->positions->count == 4u; }

/* Two such patches without a residual: what is most frequent, and the same as ec_spatial_two. */
static void ec_spatial_halves(ec_spatial_layer *l, const ec_patch *a, const ec_patch *b) {
    ec_spatial_block *const block = &l->block;
    ec_spatial_clear_lists(l);
    ec_spatial_load_halves(l, a, b, 0);
    block->above_before = NULL;
    block->channel = 0;
    ec_spatial_pairs(block);
    ec_spatial_clear(l, a);
    ec_spatial_clear(l, b);
    if (ec_spatial_is_any_listed(l)) {
        ec_spatial_load_halves(l, a, b, 2);
        ec_spatial_list_for_both(l);
        ec_spatial_list_for_one(l, 1, 0);
        ec_spatial_list_for_one(l, 2, 8);
    }
}

/* Two patches, or one that is given twice. */
static void ec_spatial_two(ec_spatial_layer *l, const ec_patch *a, const ec_patch *b) {
    const uint32_t always_a = a->positions->always;
    const uint32_t always_b = b->positions->always;
    ec_run always[2] = {{always_a > 0 ? a : b, 0, always_a > 0 ? always_a : always_b},
                        {always_b > 0 ? b : a, 0, always_b > 0 ? always_b : always_a}};
    ec_run others[2] = {{a, always_a, a->positions->count}, {b, always_b, b->positions->count}};
    ec_spatial_clear_lists(l);
    if (always[0].end > 0) {
        ec_spatial_always(l, always);
    }
    if (always_a == 0 || others[0].first == others[0].end) {
        others[0].first = others[0].end = 0;
    }
    if (always_b == 0 || others[1].first == others[1].end || a == b) {
        others[1].first = others[1].end = 0;
    }
    if (l->sum == NULL || always_a == 0) {
        ec_spatial_clear(l, a);
    }
    if (a != b && (l->sum == NULL || always_b == 0)) {
        ec_spatial_clear(l, b);
    }
    if (l->sum != NULL || ec_spatial_is_any_listed(l)) {
        ec_spatial_others(l, others);
    }
}

/* The row of patches that begins at output row `top`, which `output` begins with too. */
static void ec_spatial_compute_row(ec_spatial_layer *l, uint32_t top, int8_t *output) {
    const uint32_t patch = l->patches.spatial->patch;
    const uint32_t width = l->patches.spatial->output_w;
    ec_patch a;
    ec_patch b;
    ec_patches_start_row(&l->patches, top, output);
    for (uint32_t left = 0; left < width; left += 2u * patch) {
        ec_set_patch(&l->patches, &a, 0, left);
        if (left + patch >= width) {
            ec_spatial_two(l, &a, &a);
            continue;
        }
        ec_set_patch(&l->patches, &b, 1, left + patch);
        if (l->sum == NULL && ec_is_halved(&a) && ec_is_halved(&b)) {
            ec_spatial_halves(l, &a, &b);
        } else {
            ec_spatial_two(l, &a, &b);
        }
    }
}

#endif
