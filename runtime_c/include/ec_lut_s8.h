/* ec_lut_s8.h - any function of one int8 value. */
#ifndef EC_LUT_S8_H
#define EC_LUT_S8_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    uint32_t count;      /* elements */
    const int8_t *table; /* [256], indexed by value + 128 */
} ec_lut_s8_params;

/* output may be the input. */
void ec_lut_s8(const ec_lut_s8_params *params, const int8_t *input, int8_t *output);
void ec_lut_s8_arm_dsp(const ec_lut_s8_params *params, const int8_t *input, int8_t *output);
void ec_lut_s8_arm_mve(const ec_lut_s8_params *params, const int8_t *input, int8_t *output);
void ec_lut_s8_riscv(const ec_lut_s8_params *params, const int8_t *input, int8_t *output);

#ifdef __cplusplus
}
#endif

#endif
