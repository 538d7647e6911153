/* ec_spatial_lists.h - a layer that predicts zeros: its working memory, its lists of channels, and what is computed for them.
 *
 * Weights: see ec_spatial_block.h. Scratch: the lists, 2 bytes a channel each; a byte a channel, for masks of more than two positions;
 * with a residual four buffers of outputs; all in whole 16 bytes; then that of ec_conv2d_gather.h, but the band has all the rows that a
 * row of patches reads.
 */
#ifndef EC_SPATIAL_LISTS_H
#define EC_SPATIAL_LISTS_H

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

#endif
