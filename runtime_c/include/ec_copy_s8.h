/* ec_copy_s8.h - strided copy: Transpose, Slice, Split, DepthToSpace, Expand, Pad. */
#ifndef EC_COPY_S8_H
#define EC_COPY_S8_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* All offsets and steps are in elements; steps may be negative, those of the input 0 as well. */
typedef struct {
    uint32_t dims[6]; /* of the box that is copied, row-major */
    uint32_t input_offset;
    int32_t input_steps[6];
    uint32_t output_offset;
    int32_t output_steps[6];
    uint32_t fill_count; /* elements of the output to fill first; 0 where the box covers the output */
    int8_t fill_value;
} ec_copy_s8_params;

void ec_copy_s8(const ec_copy_s8_params *params, const int8_t *input, int8_t *output);
void ec_copy_s8_arm_dsp(const ec_copy_s8_params *params, const int8_t *input, int8_t *output);

#ifdef __cplusplus
}
#endif

#endif
