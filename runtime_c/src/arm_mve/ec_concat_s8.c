#include "ec_concat_s8.h"

#include "ec_mve_elements.h"
#include "ec_mve_runs.h"

#define RESCALE_FOUR(x, y)                                   \
    EC_MVE_TAKE_ELEMENTS(x, input)                           \
    EC_MVE_LINE("vmlas.s32 %q[" #x "], %q[weight], %[bias]") \
    EC_MVE_LINE("vshl.s32 %q[" #x "], %[left_shift]")        \
    EC_MVE_CLAMP(x)                                          \
    EC_MVE_STORE_ELEMENTS(x)

static void rescale(const int8_t *input, uint32_t count, int32_t weight, int32_t bias, uint32_t right_shift, int8_t *output) {
    int32x4_t v, w;
    __asm__ volatile(EC_MVE_ALL_ELEMENTS(RESCALE_FOUR)
                     : [input] "+l"(input), [output] "+l"(output), [v] "=&w"(v), [w] "=&w"(w)
                     : [count] "r"(count), [weight] "w"(vdupq_n_s32(weight)), [bias] "r"(bias), [left_shift] "r"(-(int32_t)right_shift),
                       [low] "w"(vdupq_n_s32(INT8_MIN)), [high] "w"(vdupq_n_s32(INT8_MAX))
                     : "lr", "memory");
}

void ec_concat_s8_arm_mve(const ec_concat_s8_params *params, const int8_t *const *inputs, int8_t *output) {
    for (uint32_t row = 0; row < params->outer; row++) {
        for (uint32_t i = 0; i < params->count; i++) {
            const uint32_t inner = params->inner[i];
            const int8_t *input = inputs[i] + row * inner;
            if (params->right_shift[i] == 0) {
                ec_mve_copy(input, output, inner);
            } else {
                rescale(input, inner, params->weight[i], params->bias[i], params->right_shift[i], output);
            }
            output += inner;
        }
    }
}
