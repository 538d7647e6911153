/* ec_resize_bilinear_s8.h - bilinear resize, int8, NHWC. */
#ifndef EC_RESIZE_BILINEAR_S8_H
#define EC_RESIZE_BILINEAR_S8_H

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
    const uint16_t *row_low;       /* [output_h], upper input row */
    const uint16_t *row_high;      /* [output_h], lower input row */
    const uint16_t *row_weight;    /* [output_h], share of the lower row in 1/1024 */
    const uint16_t *column_low;    /* [output_w], left input column */
    const uint16_t *column_high;   /* [output_w], right input column */
    const uint16_t *column_weight; /* [output_w], share of the right column in 1/1024 */
} ec_resize_bilinear_s8_params;

/* input: [input_h][input_w][input_c]; output: [output_h][output_w][input_c]. */
void ec_resize_bilinear_s8(const ec_resize_bilinear_s8_params *params, const int8_t *input, int8_t *output);

#ifdef __cplusplus
}
#endif

#endif
