/* Row by row with all parameters in registers, four elements a turn. */
#if !defined(__riscv_mul) || __riscv_xlen != 32 || defined(__riscv_32e)
#error "this kernel needs a 32-bit RISC-V with M and 32 registers: compile with -march=rv32im or more, or take the one of src/portable"
#endif

#include "ec_add_s8.h"

#include "ec_riscv_requantize.h"
#include "ec_rows.h"

/* Copies, as stores of int8 could change what pointers lead to. */
typedef struct {
    int32_t weight_a;
    int32_t weight_b;
    int32_t bias;
    uint32_t right_shift;
    int32_t low;
    int32_t high;
} rule;

static inline int8_t add(rule r, int32_t a, int32_t b) {
    int32_t value = (a * r.weight_a + b * r.weight_b + r.bias) >> r.right_shift;
    if (value < r.low) {
        value = r.low;
    }
    if (value > r.high) {
        value = r.high;
    }
    return (int8_t)value;
}

static __attribute__((noinline)) void add_neighbours(rule r, const int8_t *a, const int8_t *b, uint32_t count, int8_t *output) {
    for (const int8_t *end = a + count / 4U * 4U; a != end;) {
        output[0] = add(r, a[0], b[0]);
        output[1] = add(r, a[1], b[1]);
        output[2] = add(r, a[2], b[2]);
        output[3] = add(r, a[3], b[3]);
        a += 4;
        b += 4;
        output += 4;
    }
    for (const int8_t *end = a + count % 4U; a != end;) {
        *output++ = add(r, *a++, *b++);
    }
}

/* The same with operands of other steps, 0 where one is broadcast. */
static __attribute__((noinline)) void add_stepping(rule r, const int8_t *a, ptrdiff_t a_step, const int8_t *b, ptrdiff_t b_step,
                                                   uint32_t count, int8_t *output) {
    for (const int8_t *end = output + count; output != end; output++) {
        *output = add(r, *a, *b);
        a += a_step;
        b += b_step;
    }
}

void ec_add_s8_riscv(const ec_add_s8_params *params, const int8_t *a, const int8_t *b, int8_t *output) {
    const rule r = {params->weight_a, params->weight_b, params->bias, params->right_shift, params->clamp_min, params->clamp_max};
    const uint32_t count = params->dims[EC_ROW_AXES];
    const ptrdiff_t a_step = params->a_steps[EC_ROW_AXES];
    const ptrdiff_t b_step = params->b_steps[EC_ROW_AXES];
    uint32_t index[EC_ROW_AXES] = {0};
    do {
        const int8_t *a_row = a + ec_row_start(index, params->a_steps);
        const int8_t *b_row = b + ec_row_start(index, params->b_steps);
        if (a_step == 1 && b_step == 1) {
            add_neighbours(r, a_row, b_row, count, output);
        } else {
            add_stepping(r, a_row, a_step, b_row, b_step, count, output);
        }
        output += count;
    } while (ec_next_row(index, params->dims));
}
