/* ec_mve_streamed.h - pixels of any number of inputs, read again for every block of filters: three pixels at a time, then one by one. */
#ifndef EC_MVE_STREAMED_H
#define EC_MVE_STREAMED_H

#include "ec_mve_block_of_one.h"
#include "ec_mve_block_of_three.h"
#include "ec_mve_filters.h"

/* A run of filters with three pixels or with one. */
static inline void ec_mve_stream_run(ec_mve_block *s, const ec_mve_filters *f, const ec_mve_run *run, int8_t *output, uint32_t pixels) {
    s->weights = f->weights + run->channel * f->inputs;
    s->bias = f->bias + run->channel;
    s->multiplier = f->multiplier + run->channel;
    s->output = output + run->channel;
    if (pixels == EC_MVE_TRIO) {
        for (uint32_t left = run->blocks; left > 0; left--) {
            ec_mve_block_of_three(s);
        }
    } else {
        const int32x4_t least = vdupq_n_s32(f->low);
        const int32x4_t most = vdupq_n_s32(f->high);
        for (uint32_t left = run->blocks; left > 0; left--) {
            ec_mve_block_of_one(s, least, most);
        }
    }
}

/* What all blocks of a layer have in common. */
static inline void ec_mve_set_layer(ec_mve_block *s, const ec_mve_filters *f, uint32_t output_step) {
    s->inputs = f->inputs;
    s->pairs = f->inputs / 32U;
    s->rest = f->inputs % 32U;
    s->zero_point = f->zero_point;
    s->output_step = output_step;
    vstrwq_s32(s->low, vdupq_n_s32(f->low));
    vstrwq_s32(s->high, vdupq_n_s32(f->high));
}

static inline void ec_mve_streamed_pixels(const ec_mve_filters *f, const ec_mve_pixels *p) {
    ec_mve_block s;
    ec_mve_set_layer(&s, f, p->output_step);
    const int8_t *input = p->input;
    int8_t *output = p->output;
    uint32_t together;
    for (uint32_t left = p->count; left > 0; left -= together) {
        together = left >= EC_MVE_TRIO ? EC_MVE_TRIO : 1U;
        s.x[0] = input;
        s.x[1] = input + p->input_step;
        s.x[2] = input + 2U * p->input_step;
        ec_mve_run run = ec_mve_first_run(f);
        do {
            ec_mve_stream_run(&s, f, &run, output, together);
        } while (ec_mve_next_run(f, &run));
        input += together * p->input_step;
        output += together * p->output_step;
    }
}

#endif
