#include "ec_mul_s8.h"

#include "ec_requantize.h"
#include "ec_rows.h"

static int8_t multiply(const ec_mul_s8_params *p, int32_t a, int32_t b) {
    const int32_t product = (a - p->a_zero_point) * (b - p->b_zero_point);
    return ec_requantize(product, p->multiplier, p->shift, p->output_zero_point, p->clamp_min, p->clamp_max);
}

static void multiply_row(const ec_mul_s8_params *p, const int8_t *a, const int8_t *b, int8_t *output) {
    const uint32_t count = p->dims[EC_ROW_AXES];
    const ptrdiff_t a_step = p->a_steps[EC_ROW_AXES];
    const ptrdiff_t b_step = p->b_steps[EC_ROW_AXES];
    if (a_step == 1 && b_step == 1) {
        for (uint32_t i = 0; i < count; i++) {
            output[i] = multiply(p, a[i], b[i]);
        }
    } else {
        for (uint32_t i = 0; i < count; i++) {
            output[i] = multiply(p, a[(ptrdiff_t)i * a_step], b[(ptrdiff_t)i * b_step]);
        }
    }
}

void ec_mul_s8(const ec_mul_s8_params *params, const int8_t *a, const int8_t *b, int8_t *output) {
    uint32_t index[EC_ROW_AXES] = {0};
    do {
        multiply_row(params, a + ec_row_start(index, params->a_steps), b + ec_row_start(index, params->b_steps), output);
        output += params->dims[EC_ROW_AXES];
    } while (ec_next_row(index, params->dims));
}
