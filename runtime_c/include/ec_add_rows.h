/* ec_add_rows.h - elementwise sums row by row, with a loop of an instruction set's own for rows without gaps. */
#ifndef EC_ADD_ROWS_H
#define EC_ADD_ROWS_H

#include <stdint.h>

#include "ec_add_s8.h"
#include "ec_rows.h"

/* What the loop reads; in assembly, by the offsets in front of each member. */
typedef struct {
    /*  0 */ int32_t weight_a;
    /*  4 */ int32_t weight_b;
    /*  8 */ int32_t bias;
    /* 12 */ uint32_t right_shift;
    /* 16 */ int32_t low;
    /* 20 */ int32_t high;
    /* 24 */ uint32_t count; /* at least 1 */
} ec_add_run;

typedef void ec_add_loop(const ec_add_run *run, const int8_t *a, const int8_t *b, int8_t *output);

/* A row of which an operand stands still or has gaps. */
static inline void ec_add_with_steps(const ec_add_run *run, const int8_t *a, ptrdiff_t a_step, const int8_t *b, ptrdiff_t b_step,
                                     int8_t *output) {
    const ec_add_run r = *run;
    for (uint32_t left = r.count; left > 0; left--) {
        int32_t sum = (*a * r.weight_a + *b * r.weight_b + r.bias) >> r.right_shift;
        if (sum < r.low) {
            sum = r.low;
        }
        if (sum > r.high) {
            sum = r.high;
        }
        *output++ = (int8_t)sum;
        a += a_step;
        b += b_step;
    }
}

static inline void ec_add_by_rows(const ec_add_s8_params *p, const int8_t *a, const int8_t *b, int8_t *output, ec_add_loop *loop) {
    const ptrdiff_t a_step = p->a_steps[EC_ROW_AXES];
    const ptrdiff_t b_step = p->b_steps[EC_ROW_AXES];
    const ec_add_run run = {p->weight_a, p->weight_b, p->bias, p->right_shift, p->clamp_min, p->clamp_max, p->dims[EC_ROW_AXES]};
    uint32_t index[EC_ROW_AXES] = {0};
    do {
        const int8_t *row_a = a + ec_row_start(index, p->a_steps);
        const int8_t *row_b = b + ec_row_start(index, p->b_steps);
        if (a_step == 1 && b_step == 1) {
            loop(&run, row_a, row_b, output);
        } else {
            ec_add_with_steps(&run, row_a, a_step, row_b, b_step, output);
        }
        output += run.count;
    } while (ec_next_row(index, p->dims));
}

#endif
