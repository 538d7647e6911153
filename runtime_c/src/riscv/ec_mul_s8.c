/* Row by row with all parameters in registers, four elements a turn. */
#if !defined(__riscv_mul) || __riscv_xlen != 32 || defined(__riscv_32e)
#error "this kernel needs a 32-bit RISC-V with M and 32 registers: compile with -march=rv32im or more, or take the one of src/portable"
#endif

#include "ec_mul_s8.h"

#include "ec_riscv_requantize.h"
#include "ec_rows.h"

/* Copies, as stores of int8 could change what pointers lead to. */
typedef struct {
    int32_t a_zero_point;
    int32_t b_zero_point;
    int32_t multiplier;
    ec_riscv_output to;
} rule;

static inline int8_t multiply(rule r, int32_t a, int32_t b) {
    return ec_riscv_requantize((a - r.a_zero_point) * (b - r.b_zero_point), r.multiplier, r.to);
}

static __attribute__((noinline)) void multiply_neighbours(rule r, const int8_t *a, const int8_t *b, uint32_t count, int8_t *output) {
#pragma GCC unroll 4
    for (const int8_t *end = a + count; a != end; a++) {
        *output++ = multiply(r, *a, *b++);
    }
}

/* The same with operands of other steps, 0 where one is broadcast. */
static __attribute__((noinline)) void multiply_stepping(rule r, const int8_t *a, ptrdiff_t a_step, const int8_t *b, ptrdiff_t b_step,
                                                        uint32_t count, int8_t *output) {
    for (const int8_t *end = output + count; output != end; output++) {
        *output = multiply(r, *a, *b);
        a += a_step;
        b += b_step;
    }
}

void ec_mul_s8_riscv(const ec_mul_s8_params *params, const int8_t *a, const int8_t *b, int8_t *output) {
    const rule r = {params->a_zero_point,
                    params->b_zero_point,
                    params->multiplier,
                    {params->output_zero_point, params->clamp_min, params->clamp_max, params->shift}};
    const uint32_t count = params->dims[EC_ROW_AXES];
    const ptrdiff_t a_step = params->a_steps[EC_ROW_AXES];
    const ptrdiff_t b_step = params->b_steps[EC_ROW_AXES];
    uint32_t index[EC_ROW_AXES] = {0};
    do {
        const int8_t *a_row = a + ec_row_start(index, params->a_steps);
        const int8_t *b_row = b + ec_row_start(index, params->b_steps);
        if (a_step == 1 && b_step == 1) {
            multiply_neighbours(r, a_row, b_row, count, output);
        } else {
            multiply_stepping(r, a_row, a_step, b_row, b_step, count, output);
        }
        output += count;
    } while (ec_next_row(index, params->dims));
}
