/* ec_resize_nearest_s8.h - nearest-neighbour resize, int8, NHWC. */
#ifndef EC_RESIZE_NEAREST_S8_H
#define EC_RESIZE_NEAREST_S8_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    uint16_t input_h;
    uint16_t input_w;
    uint16_t input_c;
    uint16_t output_h;
    uint16_t output_w;
    const uint16_t *rows;    /* [output_h], input row of each output row */
    const uint16_t *columns; /* [output_w], input column of each output column */
} ec_resize_nearest_s8_params;

/* input: [input_h][input_w][input_c]; output: [output_h][output_w][input_c]. */
void ec_resize_nearest_s8(const ec_resize_nearest_s8_params *params, const int8_t *input, int8_t *output);

#ifdef __cplusplus
}
#endif

#endif
