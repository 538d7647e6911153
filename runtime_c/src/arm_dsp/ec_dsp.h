/* ec_dsp.h - Armv7E-M and Armv8-M instructions for C, and how functions in assembly are written.
 *
 * A word holds two 16-bit lanes, or four bytes. Widening a word of bytes 0..3 gives lanes (0, 2) and, of the word turned by 8 bits,
 * lanes (1, 3): sums of products do not care, so nothing is put back in order.
 */
#ifndef EC_DSP_H
#define EC_DSP_H

#include <stdint.h>
#include <string.h>

#if !defined(__ARM_FEATURE_DSP) || !defined(__thumb2__)
#error "kernels in arm_dsp need a core with DSP instructions: compile with -mthumb -mcpu=cortex-m4, cortex-m7, cortex-m33 or cortex-m55"
#endif

/* A function whose body is one asm statement that keeps the procedure call standard itself. The compiler must not look into it, since it
 * would draw conclusions from what it does not see. */
#if defined(__clang__)
#define EC_ASM_FUNCTION __attribute__((naked, noinline))
#else
#define EC_ASM_FUNCTION __attribute__((naked, noinline, noipa))
#endif
#define EC_ASM_PARAMETER __attribute__((unused))

/* Loops keep what they need in registers where they are a function of their own. */
#define EC_NOT_INLINED __attribute__((noinline))

/* Four bytes from any address, as one LDR. */
static inline uint32_t ec_load_word(const int8_t *from) {
    uint32_t word;
    memcpy(&word, from, sizeof word);
    return word;
}

/* Four bytes to any address, as one STR. */
static inline void ec_store_word(int8_t *to, uint32_t word) { memcpy(to, &word, sizeof word); }

/* The same byte four times. */
static inline uint32_t ec_splat_byte(int8_t value) { return (uint8_t)value * 0x01010101u; }

/* Bytes 0 and 2, sign-extended. */
static inline uint32_t ec_sxtb16(uint32_t word) {
    uint32_t lanes;
    __asm__("sxtb16 %0, %1" : "=r"(lanes) : "r"(word));
    return lanes;
}

/* Bytes 1 and 3, sign-extended. */
static inline uint32_t ec_sxtb16_odd(uint32_t word) {
    uint32_t lanes;
    __asm__("sxtb16 %0, %1, ror #8" : "=r"(lanes) : "r"(word));
    return lanes;
}

/* sum + the four bytes, none with a sign. */
static inline uint32_t ec_usada8(uint32_t word, uint32_t sum) {
    uint32_t result;
    __asm__("usada8 %0, %1, %2, %3" : "=r"(result) : "r"(word), "r"(0u), "r"(sum));
    return result;
}

#endif
