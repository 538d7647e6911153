/* ec_spatial_layer.h - a convolution that predicts zeros, two neighbouring patches at a time.
 *
 * First the positions of the masks are computed for all channels, two positions of each patch at a time. Channels go to a list: those
 * above their threshold in the first patch, in the second, in both. Then the other positions are computed for the channels of the lists.
 * Where a residual is to be added, outputs go to a buffer in between, and channels are judged there.
 *
 * Weights: see ec_spatial_block.h. Scratch: the lists, 2 bytes a channel each; a byte a channel, for masks of more than two positions;
 * with a residual four buffers of outputs; all in whole 16 bytes; then that of ec_conv2d_gather.h, but the band has all the rows that a
 * row of patches reads.
 */
#ifndef EC_SPATIAL_LAYER_H
#define EC_SPATIAL_LAYER_H

#include "ec_spatial_both.h"
#include "ec_spatial_one.h"
#include "ec_spatial_pairs.h"
#include "ec_spatial_patches.h"
#include "ec_spatial_run.h"
#include "ec_spatial_sum.h"

typedef struct {
    ec_patches patches;
    ec_spatial_block block;
    uint16_t *lists;
    uint8_t *before;     /* what earlier positions of a mask found */
    ec_spatial_sum *sum; /* NULL where no residual is added */
} ec_spatial_layer;

static void ec_spatial_begin(ec_spatial_layer *l, const ec_conv2d_s8_params *p, const ec_spatial *spatial, ec_spatial_sum *sum,
                             const int8_t *input, void *scratch) {
    ec_spatial_block *const b = &l->block;
    const uint32_t channels = p->output_c;
    const uint32_t own = (2u * EC_SPATIAL_LISTS + 1u + (sum != NULL ? EC_PIXELS : 0u)) * channels;
    l->lists = scratch;
    l->before = (uint8_t *)(l->lists + EC_SPATIAL_LISTS * channels);
    l->sum = sum;
    ec_patches_begin(&l->patches, p, spatial, input,
                     (int8_t *)scratch + (own + EC_SPATIAL_ALIGNMENT - 1u) / EC_SPATIAL_ALIGNMENT * EC_SPATIAL_ALIGNMENT);
    const ec_gather *const g = &l->patches.gather;
    b->patch = g->patch;
    b->patch_end = g->patch + EC_QUAD_WORDS * g->quads;
    b->entry = g->quads % EC_SPATIAL_TURNS;
    b->weights = p->weights;
    b->record_size = 2u * sizeof(uint32_t) * (3u + g->quads);
    b->zero_point = p->output_zero_point;
    b->rare = ec_rare(p->shift, p->clamp_min, p->clamp_max);
    b->above = (uint32_t)(INT8_MAX - p->clamp_max);
    b->span = (uint32_t)(UINT8_MAX - (p->clamp_max - p->clamp_min));
    b->low = p->clamp_min;
    b->channels = channels;
    b->is_judged = sum == NULL;
    if (sum != NULL) {
        l->sum->buffers = (int8_t *)l->before + channels;
        ec_spatial_sum_begin(sum, b);
    }
}

static void ec_spatial_clear_lists(ec_spatial_layer *l) {
    for (uint32_t i = 0; i < EC_SPATIAL_LISTS; i++) {
        l->block.list[i] = l->lists + i * l->block.channels;
    }
}

static int ec_spatial_is_any_listed(const ec_spatial_layer *l) {
    int any = 0;
    for (uint32_t i = 1; i < EC_SPATIAL_LISTS; i++) {
        any |= l->block.list[i] != l->lists + i * l->block.channels;
    }
    return any;
}

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

/* The channels of list `number` for the pixels of the first patch, `offset` 0, or the second, 8. */
static inline void ec_spatial_list_for_one(const ec_spatial_layer *l, uint32_t number, uint32_t offset) {
    const uint16_t *const list = l->lists + number * l->block.channels;
    if (list != l->block.list[number]) {
        ec_spatial_one(&l->block, list, l->block.list[number], offset);
    }
}

/* Whether two channels of a list are those of a record. */
static inline int ec_spatial_is_pair(const uint16_t *at, const uint16_t *end) {
    return end - at >= 2 && at[0] % 2u == 0 && at[1] == at[0] + 1;
}

/* Channels from first to end, whole records, for all pixels. */
static void ec_spatial_records(ec_spatial_layer *l, uint32_t first, uint32_t end) {
    ec_spatial_block *const b = &l->block;
    const int8_t *const weights = b->weights;
    const uint32_t channels = b->channels;
    b->weights += first / 2u * b->record_size;
    b->channel = first;
    b->channels = end;
    b->is_judged = 0;
    ec_spatial_pairs(b);
    b->weights = weights;
    b->channels = channels;
    b->is_judged = 1;
}

/* The channels of list 3 for all pixels. */
static void ec_spatial_list_for_both(ec_spatial_layer *l) {
    ec_spatial_block *const b = &l->block;
    const uint16_t *at = l->lists + 3u * b->channels;
    const uint16_t *const end = b->list[3];
    while (at != end) {
        const uint16_t *const from = at;
        if (l->sum == NULL && ec_spatial_is_pair(at, end)) {
            do {
                at += 2;
            } while (ec_spatial_is_pair(at, end) && *at == at[-1] + 1);
            ec_spatial_records(l, *from, at[-1] + 1u);
        } else {
            do {
                at++;
            } while (at != end && (l->sum != NULL || !ec_spatial_is_pair(at, end)));
            ec_spatial_both(b, from, at);
        }
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
