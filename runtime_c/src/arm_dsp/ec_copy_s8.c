/* Short runs are copied word by word; of two strided axes the longer is the inner loop. */
#include "ec_copy_s8.h"

#include <string.h>

#include "ec_dsp.h"
#include "ec_rows.h"

#define INNER EC_ROW_AXES        /* the axis of a row */
#define MIDDLE (EC_ROW_AXES - 1) /* the axis of neighbouring rows */
#define LONG_RUN 64              /* where a call of memcpy pays */

typedef struct {
    uint32_t count;
    ptrdiff_t input_step;
    ptrdiff_t output_step;
} axis;

static axis axis_of(const ec_copy_s8_params *p, uint32_t number) {
    const axis found = {p->dims[number], p->input_steps[number], p->output_steps[number]};
    return found;
}

static void copy_run(const int8_t *input, int8_t *output, uint32_t count) {
    if (count >= LONG_RUN) {
        memcpy(output, input, count);
        return;
    }
    for (; count >= 4; count -= 4) {
        ec_store_word(output, ec_load_word(input));
        input += 4;
        output += 4;
    }
    for (; count > 0; count--) {
        *output++ = *input++;
    }
}

static void copy_strided(const axis *a, const int8_t *input, int8_t *output) {
    const ptrdiff_t input_step = a->input_step;
    const ptrdiff_t output_step = a->output_step;
    uint32_t left = a->count;
    for (; left >= 4; left -= 4) {
        const int8_t first = *input;
        const int8_t second = input[input_step];
        input += 2 * input_step;
        const int8_t third = *input;
        const int8_t fourth = input[input_step];
        input += 2 * input_step;
        *output = first;
        output[output_step] = second;
        output += 2 * output_step;
        *output = third;
        output[output_step] = fourth;
        output += 2 * output_step;
    }
    for (; left > 0; left--) {
        *output = *input;
        input += input_step;
        output += output_step;
    }
}

/* A box of two axes. */
static void copy_rows(const axis *rows, const axis *row, const int8_t *input, int8_t *output) {
    const int dense = row->input_step == 1 && row->output_step == 1;
    for (uint32_t i = 0; i < rows->count; i++) {
        if (dense) {
            copy_run(input, output, row->count);
        } else {
            copy_strided(row, input, output);
        }
        input += rows->input_step;
        output += rows->output_step;
    }
}

void ec_copy_s8_arm_dsp(const ec_copy_s8_params *params, const int8_t *input, int8_t *output) {
    if (params->fill_count > 0) {
        memset(output, params->fill_value, params->fill_count);
    }
    input += params->input_offset;
    output += params->output_offset;
    axis rows = axis_of(params, MIDDLE);
    axis row = axis_of(params, INNER);
    if (row.count < rows.count && !(row.count > 3 && row.input_step == 1 && row.output_step == 1)) {
        const axis shorter = row;
        row = rows;
        rows = shorter;
    }
    uint32_t index[EC_ROW_AXES] = {0};
    uint32_t outer[EC_ROW_AXES];
    memcpy(outer, params->dims, sizeof outer);
    outer[MIDDLE] = 1;
    do {
        copy_rows(&rows, &row, input + ec_row_start(index, params->input_steps), output + ec_row_start(index, params->output_steps));
    } while (ec_next_row(index, outer));
}
