/* Two operands that run on side by side are brought into pairs (a, b) of lanes: one multiplication an output. */
#include "ec_add_s8.h"

#include "ec_clamp_run.h"
#include "ec_lanes.h"
#include "ec_rescale_run.h"
#include "ec_rows.h"

#define INNER EC_ROW_AXES        /* the axis of a row */
#define MIDDLE (EC_ROW_AXES - 1) /* the axis of neighbouring rows */

static void add_run(const ec_add_s8_params *p, const int8_t *a, const int8_t *b, uint32_t count, int8_t *output) {
    const uint32_t weights = ec_pack_low((uint32_t)p->weight_a, (uint32_t)p->weight_b);
    const int32_t bias = p->bias;
    const uint32_t right_shift = p->right_shift;
    for (; count >= 4; count -= 4) {
        const uint32_t word_a = ec_load_word(a);
        const uint32_t word_b = ec_load_word(b);
        const uint32_t low = ec_pack_low(word_a, word_b); /* elements 0 and 1 of both */
        const uint32_t high = ec_pack_high(word_a, word_b);
        ec_store_saturated(&output[0], ec_smlad(ec_sxtb16(low), weights, bias) >> right_shift);
        ec_store_saturated(&output[1], ec_smlad(ec_sxtb16_odd(low), weights, bias) >> right_shift);
        ec_store_saturated(&output[2], ec_smlad(ec_sxtb16(high), weights, bias) >> right_shift);
        ec_store_saturated(&output[3], ec_smlad(ec_sxtb16_odd(high), weights, bias) >> right_shift);
        a += 4;
        b += 4;
        output += 4;
    }
    for (; count > 0; count--) {
        *output++ = ec_saturate((*a++ * p->weight_a + *b++ * p->weight_b + bias) >> right_shift);
    }
}

/* An operand of step 0 is one value for the whole row: part of the bias. */
static void add_row(const ec_add_s8_params *p, const int8_t *a, const int8_t *b, int8_t *output) {
    const uint32_t count = p->dims[INNER];
    if (count > 1 && p->a_steps[INNER] == 0) {
        ec_rescale_run(b, count, p->weight_b, p->bias + *a * p->weight_a, p->right_shift, output);
    } else if (count > 1 && p->b_steps[INNER] == 0) {
        ec_rescale_run(a, count, p->weight_a, p->bias + *b * p->weight_b, p->right_shift, output);
    } else {
        add_run(p, a, b, count, output);
    }
}

void ec_add_s8_arm_dsp(const ec_add_s8_params *params, const int8_t *a, const int8_t *b, int8_t *output) {
    int8_t *const start = output;
    uint32_t index[EC_ROW_AXES] = {0};
    uint32_t outer[EC_ROW_AXES];
    memcpy(outer, params->dims, sizeof outer);
    outer[MIDDLE] = 1;
    do {
        const int8_t *a_row = a + ec_row_start(index, params->a_steps);
        const int8_t *b_row = b + ec_row_start(index, params->b_steps);
        for (uint32_t row = 0; row < params->dims[MIDDLE]; row++) {
            add_row(params, a_row, b_row, output);
            a_row += params->a_steps[MIDDLE];
            b_row += params->b_steps[MIDDLE];
            output += params->dims[INNER];
        }
    } while (ec_next_row(index, outer));
    ec_clamp_run(start, (uint32_t)(output - start), params->clamp_min, params->clamp_max);
}
