#include "ec_add_s8.h"

#include "ec_mve_elements.h"

typedef struct {
    int32_t weight_a;
    int32_t weight_b;
    int32_t bias;
    int32_t left_shift; /* negative, as the shift goes right */
    int32_t low;
    int32_t high;
    int a_is_one; /* whether a row of the operand is one value */
    int b_is_one;
} layer;

#define ADD_FOUR(x, y)                                          \
    EC_MVE_TAKE_ELEMENTS(x, a)                                  \
    EC_MVE_TAKE_ELEMENTS(y, b)                                  \
    EC_MVE_LINE("vmlas.s32 %q[" #x "], %q[weight_a], %[bias]")  \
    EC_MVE_LINE("vmla.s32 %q[" #x "], %q[" #y "], %[weight_b]") \
    EC_MVE_LINE("vshl.s32 %q[" #x "], %[left_shift]")           \
    EC_MVE_CLAMP(x)                                             \
    EC_MVE_STORE_ELEMENTS(x)

static void add_run(const layer *l, const int8_t *a, const int8_t *b, int32_t bias, int32_t weight_a, int32_t weight_b, uint32_t count,
                    int8_t *output) {
    int32x4_t v, w;
    __asm__ volatile(EC_MVE_ALL_ELEMENTS(ADD_FOUR)
                     : [a] "+l"(a), [b] "+l"(b), [output] "+l"(output), [v] "=&w"(v), [w] "=&w"(w)
                     : [count] "r"(count), [weight_a] "w"(vdupq_n_s32(weight_a)), [weight_b] "r"(weight_b), [bias] "r"(bias),
                       [left_shift] "r"(l->left_shift), [low] "w"(vdupq_n_s32(l->low)), [high] "w"(vdupq_n_s32(l->high))
                     : "lr", "memory");
}

/* An operand that is one value is part of the bias. */
static void add_row(const void *context, const int8_t *a, const int8_t *b, uint32_t count, int8_t *output) {
    const layer *l = context;
    if (l->a_is_one) {
        add_run(l, b, b, l->bias + *a * l->weight_a, 0, l->weight_b, count, output);
    } else if (l->b_is_one) {
        add_run(l, a, a, l->bias + *b * l->weight_b, l->weight_a, 0, count, output);
    } else {
        add_run(l, a, b, l->bias, l->weight_a, l->weight_b, count, output);
    }
}

void ec_add_s8_arm_mve(const ec_add_s8_params *params, const int8_t *a, const int8_t *b, int8_t *output) {
    const layer l = {params->weight_a,
                     params->weight_b,
                     params->bias,
                     -params->right_shift,
                     params->clamp_min,
                     params->clamp_max,
                     params->a_steps[EC_ROW_AXES] == 0,
                     params->b_steps[EC_ROW_AXES] == 0};
    ec_mve_for_rows(params->dims, params->a_steps, params->b_steps, add_row, &l, a, b, output);
}
