/* ec_lanes.h - arithmetic on pairs of 16-bit lanes and on four bytes, one instruction a function; lanes lie as in ec_dsp.h. */
#ifndef EC_LANES_H
#define EC_LANES_H

#include "ec_dsp.h"

/* lanes + (byte 0, byte 2), each lane by itself. */
static inline uint32_t ec_sxtab16(uint32_t lanes, uint32_t word) {
    uint32_t sum;
    __asm__("sxtab16 %0, %1, %2" : "=r"(sum) : "r"(lanes), "r"(word));
    return sum;
}

/* lanes + (byte 1, byte 3), each lane by itself. */
static inline uint32_t ec_sxtab16_odd(uint32_t lanes, uint32_t word) {
    uint32_t sum;
    __asm__("sxtab16 %0, %1, %2, ror #8" : "=r"(sum) : "r"(lanes), "r"(word));
    return sum;
}

/* (low lane of a, low lane of b). */
static inline uint32_t ec_pack_low(uint32_t a, uint32_t b) {
    uint32_t lanes;
    __asm__("pkhbt %0, %1, %2, lsl #16" : "=r"(lanes) : "r"(a), "r"(b));
    return lanes;
}

/* (high lane of a, high lane of b). */
static inline uint32_t ec_pack_high(uint32_t a, uint32_t b) {
    uint32_t lanes;
    __asm__("pkhtb %0, %1, %2, asr #16" : "=r"(lanes) : "r"(b), "r"(a));
    return lanes;
}

/* sum + low a * low b + high a * high b. */
static inline int32_t ec_smlad(uint32_t a, uint32_t b, int32_t sum) {
    int32_t result;
    __asm__("smlad %0, %1, %2, %3" : "=r"(result) : "r"(a), "r"(b), "r"(sum));
    return result;
}

/* sum + low a * low b. */
static inline int32_t ec_smlabb(uint32_t a, uint32_t b, int32_t sum) {
    int32_t result;
    __asm__("smlabb %0, %1, %2, %3" : "=r"(result) : "r"(a), "r"(b), "r"(sum));
    return result;
}

/* sum + high a * low b. */
static inline int32_t ec_smlatb(uint32_t a, uint32_t b, int32_t sum) {
    int32_t result;
    __asm__("smlatb %0, %1, %2, %3" : "=r"(result) : "r"(a), "r"(b), "r"(sum));
    return result;
}

/* sum + high a * high b. */
static inline int32_t ec_smlatt(uint32_t a, uint32_t b, int32_t sum) {
    int32_t result;
    __asm__("smlatt %0, %1, %2, %3" : "=r"(result) : "r"(a), "r"(b), "r"(sum));
    return result;
}

/* low a * low b. */
static inline int32_t ec_smulbb(uint32_t a, uint32_t b) {
    int32_t result;
    __asm__("smulbb %0, %1, %2" : "=r"(result) : "r"(a), "r"(b));
    return result;
}

/* high a * high b. */
static inline int32_t ec_smultt(uint32_t a, uint32_t b) {
    int32_t result;
    __asm__("smultt %0, %1, %2" : "=r"(result) : "r"(a), "r"(b));
    return result;
}

/* Saturated to int8. */
static inline int8_t ec_saturate(int32_t value) {
    int32_t result;
    __asm__("ssat %0, #8, %1" : "=r"(result) : "r"(value));
    return (int8_t)result;
}

/* zero_point + round_half_up(accumulator * multiplier / 2^31), given 2 * multiplier. */
static inline int32_t ec_rescale(int32_t accumulator, int32_t twice_multiplier, int32_t zero_point) {
    int32_t result;
    __asm__("smmlar %0, %1, %2, %3" : "=r"(result) : "r"(accumulator), "r"(twice_multiplier), "r"(zero_point));
    return result;
}

/* Saturated to int8 and stored: one STRB, which compilers would join with its neighbours at the cost of an instruction more. */
static inline void ec_store_saturated(int8_t *to, int32_t value) {
    int32_t result;
    __asm__("ssat %0, #8, %1" : "=r"(result) : "r"(value));
    __asm__("strb %1, %0" : "=m"(*to) : "r"(result));
}

/* The larger of each two bytes, signed. */
static inline uint32_t ec_max_bytes(uint32_t a, uint32_t b) {
    uint32_t result;
    __asm__("ssub8 %0, %1, %2\n\tsel %0, %1, %2" : "=&r"(result) : "r"(a), "r"(b));
    return result;
}

/* The smaller of each two bytes, signed. */
static inline uint32_t ec_min_bytes(uint32_t a, uint32_t b) {
    uint32_t result;
    __asm__("ssub8 %0, %1, %2\n\tsel %0, %2, %1" : "=&r"(result) : "r"(a), "r"(b));
    return result;
}

#endif
