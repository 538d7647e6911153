/* ec_requantize_three.h - from accumulators to int8: the rounding rule of ec_requantize.h for cores that multiply 32 bits to 32 bits.
 *
 * Precondition, proved when the model is compiled: shifted sums are below 2^30, so that with 16-bit halves
 *     sum * multiplier = h 2^32 + (middle parts) 2^16 + ...
 * the middle parts add up to 32 bits.
 */
#ifndef EC_REQUANTIZE_THREE_H
#define EC_REQUANTIZE_THREE_H

#include "ec_thumb.h"

#define EC_EASY_LOWER_BITS 11U
#define EC_EASY_ZERO_POINT(zero_point) ((zero_point) * (1 << 20) + (1 << 19))

/* clang-format off */

/* The three sums of accumulators u and v (ec_triples.h) to r1, r2, r3. */
#define EC_SPLIT(u, v)                    \
    "mov    r0, " u "                 \n" \
    "mov    r3, " v "                 \n" \
    "lsls   r1, r0, #11               \n" \
    "asrs   r1, r1, #11               \n" \
    "subs   r0, r0, r1                \n" \
    "lsls   r2, r3, #10               \n" \
    "subs   r2, r2, r0                \n" \
    "asrs   r2, r2, #10               \n" \
    "subs   r3, r3, r2                \n" \
    "asrs   r3, r3, #11               \n"

/* r5, r6: lower and upper half of the multiplier; r8: zero point; r9, r12: clamps; r0, r4 are lost. The carry of the last shift rounds. */
#define EC_REQUANTIZE(sum)                \
    "uxth   r0, " sum "               \n" \
    "asrs   " sum ", " sum ", #16     \n" \
    "movs   r4, r5                    \n" \
    "muls   r4, r0                    \n" \
    "lsrs   r4, r4, #16               \n" \
    "muls   r0, r6                    \n" \
    "adds   r0, r0, r4                \n" \
    "movs   r4, r5                    \n" \
    "muls   r4, " sum "               \n" \
    "adds   r0, r0, r4                \n" \
    "muls   " sum ", r6               \n" \
    "lsls   " sum ", " sum ", #1      \n" \
    "asrs   r0, r0, #15               \n" \
    "adcs   " sum ", r0               \n" \
    "add    " sum ", r8               \n" \
    "cmp    " sum ", r9               \n" \
    "bge    1f                        \n" \
    "mov    " sum ", r9               \n" \
    "1: cmp " sum ", r12              \n" \
    "ble    2f                        \n" \
    "mov    " sum ", r12              \n" \
    "2:"

/* r7: where three addresses stand; [sp]: offset from each. The last is stored first: one may be that of the first, to be written over. */
#define EC_STORE(value, pixel)            \
    "ldr    r0, [r7, #4 * " pixel "]  \n" \
    "ldr    r4, [sp]                  \n" \
    "strb   " value ", [r0, r4]       \n"

/* Called from assembly only: the sums r1, r2, r3 of three outputs to int8, with all registers as above. */
__attribute__((used)) EC_ASM_FUNCTION static void ec_requantize_three(void) {
    __asm__ volatile(
        ".syntax unified                  \n"
        EC_REQUANTIZE("r3")
        EC_STORE("r3", "2")
        EC_REQUANTIZE("r2")
        EC_STORE("r2", "1")
        EC_REQUANTIZE("r1")
        EC_STORE("r1", "0")
        "bx     lr                        \n");
}

/* r5, r6: multiplier modulo 2^11 and divided by it; r8: EC_EASY_ZERO_POINT; r9, r12: clamps; r7: where
 * three addresses stand; r4: offset from each. sum * r5 and sum * r6 + ... need no more than 32 bits. */
#define EC_REQUANTIZE_EASY(sum, pixel)    \
    "movs   r0, " sum "               \n" \
    "muls   r0, r5                    \n" \
    "asrs   r0, r0, #11               \n" \
    "muls   " sum ", r6               \n" \
    "adds   r0, r0, " sum "           \n" \
    "add    r0, r8                    \n" \
    "asrs   r0, r0, #20               \n" \
    "cmp    r0, r9                    \n" \
    "bge    1f                        \n" \
    "mov    r0, r9                    \n" \
    "1: cmp r0, r12                   \n" \
    "ble    2f                        \n" \
    "mov    r0, r12                   \n" \
    "2: ldr " sum ", [r7, #4 * " pixel "] \n" \
    "strb   r0, [" sum ", r4]         \n"

/* Called from assembly only: the same for sums that are easy to rescale; r4-r12 stay. */
__attribute__((used)) EC_ASM_FUNCTION static void ec_requantize_easy_three(void) {
    __asm__ volatile(
        ".syntax unified                  \n"
        EC_REQUANTIZE_EASY("r3", "2")
        EC_REQUANTIZE_EASY("r2", "1")
        EC_REQUANTIZE_EASY("r1", "0")
        "bx     lr                        \n");
}

/* clang-format on */

#endif
