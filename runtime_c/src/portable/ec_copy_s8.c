#include "ec_copy_s8.h"

#include <string.h>

#include "ec_rows.h"

static void copy_row(const ec_copy_s8_params *p, const int8_t *input, int8_t *output) {
    const uint32_t count = p->dims[EC_ROW_AXES];
    const ptrdiff_t input_step = p->input_steps[EC_ROW_AXES];
    const ptrdiff_t output_step = p->output_steps[EC_ROW_AXES];
    if (input_step == 1 && output_step == 1) {
        memcpy(output, input, count);
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        output[(ptrdiff_t)i * output_step] = input[(ptrdiff_t)i * input_step];
    }
}

void ec_copy_s8(const ec_copy_s8_params *params, const int8_t *input, int8_t *output) {
    if (params->fill_count > 0) {
        memset(output, params->fill_value, params->fill_count);
    }
    input += params->input_offset;
    output += params->output_offset;
    uint32_t index[EC_ROW_AXES] = {0};
    do {
        copy_row(params, input + ec_row_start(index, params->input_steps), output + ec_row_start(index, params->output_steps));
    } while (ec_next_row(index, params->dims));
}
