#include "ec_mul_s8.h"

#include "ec_mve_elements.h"

typedef struct {
    int32_t a_offset; /* minus the zero point */
    int32_t b_offset;
    int32_t zero_point;
    int32_t multiplier;
    int32_t low;
    int32_t high;
    int a_is_one; /* whether a row of the operand is one value */
    int b_is_one;
} layer;

#define MULTIPLY_FOUR(x, y)                                                \
    EC_MVE_TAKE_ELEMENTS(x, a)                                             \
    EC_MVE_TAKE_ELEMENTS(y, b)                                             \
    EC_MVE_LINE("vadd.i32 %q[" #x "], %q[" #x "], %[a_offset]")            \
    EC_MVE_LINE("vadd.i32 %q[" #y "], %q[" #y "], %[b_offset]")            \
    EC_MVE_LINE("vmul.i32 %q[" #x "], %q[" #x "], %q[" #y "]")             \
    EC_MVE_LINE("vqrdmlash.s32 %q[" #x "], %q[multiplier], %[zero_point]") \
    EC_MVE_CLAMP(x)                                                        \
    EC_MVE_STORE_ELEMENTS(x)

#define SCALE_FOUR(x, y)                                                   \
    EC_MVE_TAKE_ELEMENTS(x, a)                                             \
    EC_MVE_LINE("vadd.i32 %q[" #x "], %q[" #x "], %[a_offset]")            \
    EC_MVE_LINE("vmul.i32 %q[" #x "], %q[" #x "], %[factor]")              \
    EC_MVE_LINE("vqrdmlash.s32 %q[" #x "], %q[multiplier], %[zero_point]") \
    EC_MVE_CLAMP(x)                                                        \
    EC_MVE_STORE_ELEMENTS(x)

static void multiply_run(const layer *l, const int8_t *a, const int8_t *b, uint32_t count, int8_t *output) {
    int32x4_t v, w;
    __asm__ volatile(
        EC_MVE_ALL_ELEMENTS(MULTIPLY_FOUR)
        : [a] "+l"(a), [b] "+l"(b), [output] "+l"(output), [v] "=&w"(v), [w] "=&w"(w)
        : [count] "r"(count), [a_offset] "r"(l->a_offset), [b_offset] "r"(l->b_offset), [multiplier] "w"(vdupq_n_s32(l->multiplier)),
          [zero_point] "r"(l->zero_point), [low] "w"(vdupq_n_s32(l->low)), [high] "w"(vdupq_n_s32(l->high))
        : "lr", "memory");
}

/* A run times one value, which has its zero point taken off already. */
static void scale_run(const layer *l, const int8_t *a, int32_t offset, int32_t factor, uint32_t count, int8_t *output) {
    int32x4_t v, w;
    __asm__ volatile(EC_MVE_ALL_ELEMENTS(SCALE_FOUR)
                     : [a] "+l"(a), [output] "+l"(output), [v] "=&w"(v), [w] "=&w"(w)
                     : [count] "r"(count), [a_offset] "r"(offset), [factor] "r"(factor), [multiplier] "w"(vdupq_n_s32(l->multiplier)),
                       [zero_point] "r"(l->zero_point), [low] "w"(vdupq_n_s32(l->low)), [high] "w"(vdupq_n_s32(l->high))
                     : "lr", "memory");
}

static void multiply_row(const void *context, const int8_t *a, const int8_t *b, uint32_t count, int8_t *output) {
    const layer *l = context;
    if (l->a_is_one) {
        scale_run(l, b, l->b_offset, *a + l->a_offset, count, output);
    } else if (l->b_is_one) {
        scale_run(l, a, l->a_offset, *b + l->b_offset, count, output);
    } else {
        multiply_run(l, a, b, count, output);
    }
}

void ec_mul_s8_arm_mve(const ec_mul_s8_params *params, const int8_t *a, const int8_t *b, int8_t *output) {
    const layer l = {-params->a_zero_point, -params->b_zero_point, params->output_zero_point,         params->multiplier,
                     params->clamp_min,     params->clamp_max,     params->a_steps[EC_ROW_AXES] == 0, params->b_steps[EC_ROW_AXES] == 0};
    ec_mve_for_rows(params->dims, params->a_steps, params->b_steps, multiply_row, &l, a, b, output);
}
