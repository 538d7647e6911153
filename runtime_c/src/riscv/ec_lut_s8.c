/* Four elements a turn. */
#if !defined(__riscv_mul) || __riscv_xlen != 32 || defined(__riscv_32e)
#error "this kernel needs a 32-bit RISC-V with M and 32 registers: compile with -march=rv32im or more, or take the one of src/portable"
#endif

#include "ec_lut_s8.h"

void ec_lut_s8_riscv(const ec_lut_s8_params *params, const int8_t *input, int8_t *output) {
    const int8_t *middle = params->table + 128;
    const int8_t *end = input + params->count / 4U * 4U;
    for (; input != end; input += 4) {
        const int8_t a = middle[input[0]];
        const int8_t b = middle[input[1]];
        const int8_t c = middle[input[2]];
        const int8_t d = middle[input[3]];
        output[0] = a;
        output[1] = b;
        output[2] = c;
        output[3] = d;
        output += 4;
    }
    for (end += params->count % 4U; input != end; input++) {
        *output++ = middle[*input];
    }
}
