/* Weights and scratch: ec_planes.h. */
#include "ec_depthwise_conv2d_s8.h"

#include "ec_clamp_run.h"
#include "ec_planes.h"
#include "ec_thumb2.h"
#include "ec_triple_sums.h"

/* clang-format off */

/* Parts of a plane. r3-r5: inputs; r6-r8: steps; r1: plane; r2: end of the row; [sp]: end of the jobs. */
EC_ASM_FUNCTION static void merge(ec_merge_job *jobs EC_ASM_PARAMETER, const ec_merge_job *end EC_ASM_PARAMETER) {
    __asm__ volatile(
        "push   {r1, r4-r11, lr}          \n"
        "b      4f                        \n"
        "1: ldm r0, {r3-r8}               \n"
        "ldr    r1, [r0, #48]             \n"
        "ldr    r12, [r0, #60]            \n"
        "2: ldr r2, [r0, #52]             \n"
        "add    r2, r1                    \n"
        "3: ldrsb lr, [r5]                \n"
        "ldrsb  r9, [r3]                  \n"
        "ldrsb  r10, [r4]                 \n"
        "add    r5, r8                    \n"
        "add    r3, r6                    \n"
        "add    r4, r7                    \n"
        "add    r9, r9, lr, lsl #21       \n"
        "add    r10, r10, lr, lsl #11     \n"
        "strd   r9, r10, [r1], #8         \n"
        "cmp    r1, r2                    \n"
        "bne    3b                        \n"
        "ldrd   r9, r10, [r0, #24]        \n"
        "ldr    r11, [r0, #32]            \n"
        "ldr    r2, [r0, #56]             \n"
        "add    r3, r9                    \n"
        "add    r4, r10                   \n"
        "add    r5, r11                   \n"
        "add    r1, r2                    \n"
        "subs   r12, #1                   \n"
        "bne    2b                        \n"
        "ldm    r0, {r3-r5}               \n"
        "ldrd   r9, r10, [r0, #36]        \n"
        "ldr    r11, [r0, #44]            \n"
        "add    r3, r9                    \n"
        "add    r4, r10                   \n"
        "add    r5, r11                   \n"
        "stm    r0, {r3-r5}               \n"
        "adds   r0, #64                   \n"
        "4: ldr r1, [sp]                  \n"
        "cmp    r0, r1                    \n"
        "bne    1b                        \n"
        "pop    {r1, r4-r11, pc}          \n");
}

/* A tap of six outputs, or of three. r5: taps; r12: place in the plane; r8-r11: accumulators. */
#define TAP_OF_6                          \
    "ldrd   r4, r6, [r5], #8          \n" \
    "add    r4, r12                   \n" \
    "ldm    r4!, {r0-r3}              \n" \
    "mla    r8, r0, r6, r8            \n" \
    "mla    r9, r1, r6, r9            \n" \
    "mla    r10, r2, r6, r10          \n" \
    "mla    r11, r3, r6, r11          \n"

#define TAP_OF_3                          \
    "ldrd   r4, r6, [r5], #8          \n" \
    "add    r4, r12                   \n" \
    "ldm    r4!, {r0, r1}             \n" \
    "mla    r8, r0, r6, r8            \n" \
    "mla    r9, r1, r6, r9            \n"

/* Zero point to r9, twice the multiplier to lr, shift to r4. */
#define LOAD_RESCALING                    \
    "ldrd   r9, lr, [r7, #44]         \n" \
    "ldr    r4, [r7, #52]             \n" \
    "lsl    lr, lr, #1                \n"

/* Bias to r10, shift to r4. */
#define LOAD_MISSING "ldrd r10, r4, [r7, #64] \n"

#define COMPLETE(sum)                     \
    "add    " sum ", r10              \n" \
    "lsl    " sum ", " sum ", r4      \n"

/* The last third first: where there is none, it is written over. */
#define STORE(a, b, c)                    \
    "strb   " c ", [r4, r10]          \n" \
    "strb   " b ", [r4, r9]           \n" \
    "strb   " a ", [r4]               \n"

/* [sp]: output, second and third of the row group; [sp, #12]: group; [sp, #16]: where the pairs of the row end; [sp, #20]: rows left;
 * [sp, #24]: row in the plane, in the output. */
EC_ASM_FUNCTION static void convolve_rows(ec_plane_rows *rows EC_ASM_PARAMETER) {
    __asm__ volatile(
        "push   {r4-r11, lr}              \n"
        "sub    sp, #36                   \n"
        "mov    r7, r0                    \n"
        "ldrd   r0, r1, [r7, #16]         \n"
        "strd   r0, r1, [sp, #24]         \n"
        "add    r4, r7, #84               \n"
        "1: ldr r0, [r4], #4              \n" /* the next group */
        "ldrd   r1, r2, [r4], #8          \n"
        "strd   r1, r2, [sp, #4]          \n"
        "str    r4, [sp, #12]             \n"
        "cbz    r0, 9f                    \n"
        "str    r0, [sp, #20]             \n"
        "2: ldrd r12, r1, [sp, #24]       \n" /* the next row */
        "ldr    r0, [r7, #36]             \n"
        "str    r1, [sp]                  \n"
        "add    r0, r12                   \n"
        "str    r0, [sp, #16]             \n"
        "cmp    r0, r12                   \n"
        "bne    3f                        \n"
        "6: ldr r0, [r7, #40]             \n"
        "cbnz   r0, 7f                    \n"
        "8: ldrd r0, r1, [sp, #24]        \n"
        "ldrd   r2, r3, [r7, #24]         \n"
        "add    r0, r2                    \n"
        "add    r1, r3                    \n"
        "strd   r0, r1, [sp, #24]         \n"
        "ldr    r0, [sp, #20]             \n"
        "subs   r0, #1                    \n"
        "str    r0, [sp, #20]             \n"
        "bne    2b                        \n"
        "ldr    r4, [sp, #12]             \n"
        "b      1b                        \n"
        "9: add sp, #36                   \n"
        "pop    {r4-r11, pc}              \n"
        "7: ldrd r5, lr, [r7, #8]         \n" /* the odd column */
        "ldrd   r8, r9, [r7]              \n"
        "4:" TAP_OF_3
        "cmp    r5, lr                    \n"
        "bne    4b                        \n"
        EC_SPLIT("r8", "r9", "r0", "r1", "r2")
        LOAD_RESCALING
        "cbz    r4, 5f                    \n"
        LOAD_MISSING
        COMPLETE("r0")
        COMPLETE("r1")
        COMPLETE("r2")
        "5:"
        EC_REQUANTIZE("r0", "r11")
        EC_REQUANTIZE("r1", "r11")
        EC_REQUANTIZE("r2", "r11")
        "ldrd   r4, r9, [sp]              \n"
        "ldr    r10, [sp, #8]             \n"
        STORE("r0", "r1", "r2")
        "b      8b                        \n"
        "3: ldrd r5, lr, [r7, #8]         \n" /* the next pair */
        "ldrd   r8, r9, [r7]              \n"
        "sub    r6, lr, r5                \n"
        "ldrd   r10, r11, [r7]            \n"
        "ubfx   r6, r6, #3, #2            \n"
        "tbb    [pc, r6]                  \n"
        "10: .byte (20f - 10b) / 2, (23f - 10b) / 2, (22f - 10b) / 2, (21f - 10b) / 2 \n"
        "20:" TAP_OF_6 "21:" TAP_OF_6 "22:" TAP_OF_6 "23:" TAP_OF_6
        "cmp    r5, lr                    \n"
        "bne    20b                       \n"
        EC_SPLIT("r8", "r9", "r0", "r1", "r2")
        EC_SPLIT("r10", "r11", "r3", "r6", "r8")
        LOAD_RESCALING
        "cbz    r4, 5f                    \n"
        LOAD_MISSING
        COMPLETE("r0")
        COMPLETE("r1")
        COMPLETE("r2")
        COMPLETE("r3")
        COMPLETE("r6")
        COMPLETE("r8")
        "5:"
        EC_REQUANTIZE("r0", "r11")
        EC_REQUANTIZE("r1", "r11")
        EC_REQUANTIZE("r2", "r11")
        EC_REQUANTIZE("r3", "r11")
        EC_REQUANTIZE("r6", "r11")
        EC_REQUANTIZE("r8", "r11")
        "ldrd   r4, r9, [sp]              \n"
        "ldr    r10, [sp, #8]             \n"
        "ldr    r11, [r7, #32]            \n"
        STORE("r0", "r1", "r2")
        "add    r4, r11                   \n"
        STORE("r3", "r6", "r8")
        "add    r4, r11                   \n"
        "ldr    r0, [sp, #16]             \n"
        "str    r4, [sp]                  \n"
        "add    r12, #16                  \n"
        "cmp    r12, r0                   \n"
        "bne    3b                        \n"
        "b      6b                        \n");
}

/* clang-format on */

void ec_depthwise_conv2d_s8_arm_v7m(const ec_depthwise_conv2d_s8_params *params, const int8_t *input, int8_t *output, void *scratch) {
    static const ec_planes_loops loops = {merge, convolve_rows};
    ec_convolve_planes(params, input, output, scratch, &loops);
    ec_clamp_run(output, (uint32_t)params->output_h * params->output_w * params->output_c, params->clamp_min, params->clamp_max);
}
