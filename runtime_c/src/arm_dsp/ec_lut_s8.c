/* The middle of the table is the entry of 0: a signed value is the index. */
#include "ec_lut_s8.h"

#include "ec_dsp.h"

/* One STRB, which compilers would join with its neighbours at the cost of an instruction more. */
static inline void store(int8_t *to, int32_t value) { __asm__("strb %1, %0" : "=m"(*to) : "r"(value)); }

static inline void look_up_four(const int8_t *middle, const int8_t *input, int8_t *output) {
    store(&output[0], middle[input[0]]);
    store(&output[1], middle[input[1]]);
    store(&output[2], middle[input[2]]);
    store(&output[3], middle[input[3]]);
}

void ec_lut_s8_arm_dsp(const ec_lut_s8_params *params, const int8_t *input, int8_t *output) {
    const int8_t *middle = params->table + 128;
    uint32_t count = params->count;
    for (; count >= 8; count -= 8) {
        look_up_four(middle, input, output);
        look_up_four(middle, input + 4, output + 4);
        input += 8;
        output += 8;
    }
    for (; count > 0; count--) {
        *output++ = middle[*input++];
    }
}
