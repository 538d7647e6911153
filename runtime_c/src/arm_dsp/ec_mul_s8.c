/* Zero points are subtracted while bytes are widened to lanes. */
#include "ec_mul_s8.h"

#include "ec_clamp_run.h"
#include "ec_lanes.h"
#include "ec_rows.h"

#define INNER EC_ROW_AXES        /* the axis of a row */
#define MIDDLE (EC_ROW_AXES - 1) /* the axis of neighbouring rows */

typedef struct {
    int32_t twice_multiplier;
    uint32_t shift;
    int32_t zero_point;
} scaling;

static inline int32_t scale(const scaling *s, int32_t product) {
    return ec_rescale((int32_t)((uint32_t)product << s->shift), s->twice_multiplier, s->zero_point);
}

/* The value minus the zero point in both lanes. */
static inline uint32_t both_lanes(int32_t value) { return ec_pack_low((uint32_t)value, (uint32_t)value); }

static void multiply_run(const ec_mul_s8_params *p, const int8_t *a, const int8_t *b, uint32_t count, int8_t *output) {
    const scaling s = {2 * p->multiplier, p->shift, p->output_zero_point};
    const uint32_t a_offsets = both_lanes(-p->a_zero_point);
    const uint32_t b_offsets = both_lanes(-p->b_zero_point);
    for (; count >= 4; count -= 4) {
        const uint32_t word_a = ec_load_word(a);
        const uint32_t word_b = ec_load_word(b);
        const uint32_t a_even = ec_sxtab16(a_offsets, word_a);
        const uint32_t b_even = ec_sxtab16(b_offsets, word_b);
        const uint32_t a_odd = ec_sxtab16_odd(a_offsets, word_a);
        const uint32_t b_odd = ec_sxtab16_odd(b_offsets, word_b);
        ec_store_saturated(&output[0], scale(&s, ec_smulbb(a_even, b_even)));
        ec_store_saturated(&output[1], scale(&s, ec_smulbb(a_odd, b_odd)));
        ec_store_saturated(&output[2], scale(&s, ec_smultt(a_even, b_even)));
        ec_store_saturated(&output[3], scale(&s, ec_smultt(a_odd, b_odd)));
        a += 4;
        b += 4;
        output += 4;
    }
    for (; count > 0; count--) {
        *output++ = ec_saturate(scale(&s, (*a++ - p->a_zero_point) * (*b++ - p->b_zero_point)));
    }
}

/* A run times one value. */
static void multiply_by(const ec_mul_s8_params *p, const int8_t *run, int32_t zero_point, int32_t factor, uint32_t count, int8_t *output) {
    const scaling s = {2 * p->multiplier, p->shift, p->output_zero_point};
    const uint32_t offsets = both_lanes(-zero_point);
    const uint32_t factors = both_lanes(factor);
    for (; count >= 4; count -= 4) {
        const uint32_t word = ec_load_word(run);
        const uint32_t even = ec_sxtab16(offsets, word);
        const uint32_t odd = ec_sxtab16_odd(offsets, word);
        ec_store_saturated(&output[0], scale(&s, ec_smulbb(even, factors)));
        ec_store_saturated(&output[1], scale(&s, ec_smulbb(odd, factors)));
        ec_store_saturated(&output[2], scale(&s, ec_smultt(even, factors)));
        ec_store_saturated(&output[3], scale(&s, ec_smultt(odd, factors)));
        run += 4;
        output += 4;
    }
    for (; count > 0; count--) {
        *output++ = ec_saturate(scale(&s, (*run++ - zero_point) * factor));
    }
}

static void multiply_row(const ec_mul_s8_params *p, const int8_t *a, const int8_t *b, int8_t *output) {
    const uint32_t count = p->dims[INNER];
    if (count > 1 && p->a_steps[INNER] == 0) {
        multiply_by(p, b, p->b_zero_point, *a - p->a_zero_point, count, output);
    } else if (count > 1 && p->b_steps[INNER] == 0) {
        multiply_by(p, a, p->a_zero_point, *b - p->b_zero_point, count, output);
    } else {
        multiply_run(p, a, b, count, output);
    }
}

void ec_mul_s8_arm_dsp(const ec_mul_s8_params *params, const int8_t *a, const int8_t *b, int8_t *output) {
    int8_t *const start = output;
    uint32_t index[EC_ROW_AXES] = {0};
    uint32_t outer[EC_ROW_AXES];
    memcpy(outer, params->dims, sizeof outer);
    outer[MIDDLE] = 1;
    do {
        const int8_t *a_row = a + ec_row_start(index, params->a_steps);
        const int8_t *b_row = b + ec_row_start(index, params->b_steps);
        for (uint32_t row = 0; row < params->dims[MIDDLE]; row++) {
            multiply_row(params, a_row, b_row, output);
            a_row += params->a_steps[MIDDLE];
            b_row += params->b_steps[MIDDLE];
            output += params->dims[INNER];
        }
    } while (ec_next_row(index, outer));
    ec_clamp_run(start, (uint32_t)(output - start), params->clamp_min, params->clamp_max);
}
