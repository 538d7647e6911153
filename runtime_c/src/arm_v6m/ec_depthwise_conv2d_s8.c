/* Weights and scratch: ec_planes.h. */
#include "ec_depthwise_conv2d_s8.h"

#include "ec_planes.h"
#include "ec_requantize_three.h"
#include "ec_thumb.h"

/* clang-format off */

/* Parts of a plane. r1-r3: inputs; r8-r10: steps; r4: plane; r11: end of the row; r5: 0; r12: rows left; lr: job; [sp]: end of the jobs. */
EC_ASM_FUNCTION static void merge(ec_merge_job *jobs EC_ASM_PARAMETER, const ec_merge_job *end EC_ASM_PARAMETER) {
    __asm__ volatile(
        EC_SAVE_REGISTERS
        "push   {r1}                      \n"
        "mov    lr, r0                    \n"
        "b      4f                        \n"
        "1: ldmia r0!, {r1-r6}            \n"
        "mov    r8, r4                    \n"
        "mov    r9, r5                    \n"
        "mov    r10, r6                   \n"
        "adds   r0, #24                   \n"
        "ldmia  r0!, {r4, r5, r6, r7}     \n"
        "2: adds r5, r5, r4               \n"
        "mov    r11, r5                   \n"
        "mov    r12, r7                   \n"
        "movs   r5, #0                    \n"
        "3: ldrsb r0, [r3, r5]            \n"
        "ldrsb  r6, [r1, r5]              \n"
        "lsls   r7, r0, #21               \n"
        "adds   r6, r6, r7                \n"
        "lsls   r0, r0, #11               \n"
        "ldrsb  r7, [r2, r5]              \n"
        "adds   r7, r7, r0                \n"
        "stmia  r4!, {r6, r7}             \n"
        "add    r1, r8                    \n"
        "add    r2, r9                    \n"
        "add    r3, r10                   \n"
        "cmp    r4, r11                   \n"
        "bne    3b                        \n"
        "mov    r0, lr                    \n"
        "adds   r0, #24                   \n"
        "ldmia  r0!, {r5, r6, r7}         \n"
        "adds   r1, r1, r5                \n"
        "adds   r2, r2, r6                \n"
        "adds   r3, r3, r7                \n"
        "ldr    r5, [r0, #20]             \n"
        "adds   r4, r4, r5                \n"
        "ldr    r5, [r0, #16]             \n"
        "mov    r7, r12                   \n"
        "subs   r7, #1                    \n"
        "bne    2b                        \n"
        "ldmia  r0!, {r1, r2, r3}         \n"
        "subs   r0, #48                   \n"
        "ldmia  r0!, {r4, r5, r6}         \n"
        "adds   r1, r1, r4                \n"
        "adds   r2, r2, r5                \n"
        "adds   r3, r3, r6                \n"
        "subs   r0, #12                   \n"
        "stmia  r0!, {r1, r2, r3}         \n"
        "adds   r0, #52                   \n"
        "mov    lr, r0                    \n"
        "4: ldr r1, [sp]                  \n"
        "cmp    r0, r1                    \n"
        "bne    1b                        \n"
        "pop    {r1}                      \n"
        EC_RESTORE_REGISTERS_AND_RETURN);
}

/* A tap of six outputs, or of three. r7: taps; r12: place in the plane; r8-r11: accumulators. */
#define TAP_OF_6                          \
    "ldmia  r7!, {r4, r6}             \n" \
    "add    r4, r12                   \n" \
    "ldmia  r4!, {r0-r3}              \n" \
    "muls   r0, r6                    \n" \
    "add    r8, r0                    \n" \
    "muls   r1, r6                    \n" \
    "add    r9, r1                    \n" \
    "muls   r2, r6                    \n" \
    "add    r10, r2                   \n" \
    "muls   r3, r6                    \n" \
    "add    r11, r3                   \n"

#define TAP_OF_6_BYTES "22"

#define TAP_OF_3                          \
    "ldmia  r7!, {r4, r6}             \n" \
    "add    r4, r12                   \n" \
    "ldmia  r4!, {r0, r1}             \n" \
    "muls   r0, r6                    \n" \
    "add    r8, r0                    \n" \
    "muls   r1, r6                    \n" \
    "add    r9, r1                    \n"

/* Called from assembly only: adds the bias to sums r1, r2, r3 and shifts them. r7: ec_plane_rows, then the addresses. */
__attribute__((used)) EC_ASM_FUNCTION static void ec_complete_three(void) {
    __asm__ volatile(
        ".syntax unified                  \n"
        "ldr    r0, [r7, #64]             \n"
        "ldr    r4, [r7, #68]             \n"
        "adds   r1, r1, r0                \n"
        "adds   r2, r2, r0                \n"
        "adds   r3, r3, r0                \n"
        "lsls   r1, r4                    \n"
        "lsls   r2, r4                    \n"
        "lsls   r3, r4                    \n"
        "add    r7, sp, #4                \n"
        "bx     lr                        \n");
}

/* What both ways of requantization want in r5, r6, r8, r9 and r12, whose place in the plane is kept. */
#define LOAD_RESCALING                    \
    "mov    r0, r12                   \n" \
    "str    r0, [sp, #36]             \n" \
    "ldr    r0, [r7, #56]             \n" \
    "mov    r9, r0                    \n" \
    "ldr    r0, [r7, #60]             \n" \
    "mov    r12, r0                   \n" \
    "ldr    r5, [r7, #72]             \n" \
    "ldr    r6, [r7, #76]             \n" \
    "ldr    r0, [r7, #80]             \n" \
    "mov    r8, r0                    \n"

/* Sums r1, r2, r3 to the output; r7: ec_plane_rows. */
#define FINISH_THREE                      \
    "ldr    r4, [r7, #52]             \n" \
    "cmp    r4, #0                    \n" \
    "bne    2f                        \n" \
    "ldr    r4, [sp]                  \n" \
    "add    r7, sp, #4                \n" \
    "bl     ec_requantize_easy_three  \n" \
    "b      3f                        \n" \
    "2: bl  ec_complete_three         \n" \
    "bl     ec_requantize_three       \n" \
    "3:"

#define NEXT_COLUMN                       \
    "ldr    r7, [sp, #16]             \n" \
    "ldr    r0, [sp]                  \n" \
    "ldr    r4, [r7, #32]             \n" \
    "adds   r0, r0, r4                \n" \
    "str    r0, [sp]                  \n"

/* [sp]: column, in bytes of the output; [sp, #4]: the row in each third of the output; [sp, #16]: rows; [sp, #20]: group; [sp, #24]: rows
 * left; [sp, #28]: row in the plane; [sp, #32]: in the output; [sp, #36]: place; [sp, #40]: where pairs end; [sp, #44]: second and third
 * of the group; [sp, #52]: what of four taps the first turn leaves out, in bytes of code. */
EC_ASM_FUNCTION static void convolve_rescaled_rows(const ec_plane_rows *rows EC_ASM_PARAMETER) {
    __asm__ volatile(
        EC_SAVE_REGISTERS
        "sub    sp, #56                   \n"
        "str    r0, [sp, #16]             \n"
        "ldr    r1, [r0, #8]              \n"
        "ldr    r2, [r0, #12]             \n"
        "subs   r2, r1, r2                \n"
        "lsls   r2, r2, #27               \n"
        "lsrs   r2, r2, #30               \n"
        "movs   r1, #" TAP_OF_6_BYTES "   \n"
        "muls   r2, r1                    \n"
        "str    r2, [sp, #52]             \n"
        "ldr    r1, [r0, #16]             \n"
        "str    r1, [sp, #28]             \n"
        "ldr    r1, [r0, #20]             \n"
        "str    r1, [sp, #32]             \n"
        "adds   r0, #84                   \n"
        "1: ldmia r0!, {r1, r2, r3}       \n" /* the next group */
        "cmp    r1, #0                    \n"
        "bne    2f                        \n"
        "add    sp, #56                   \n"
        EC_RESTORE_REGISTERS_AND_RETURN
        "2: str r0, [sp, #20]             \n"
        "str    r1, [sp, #24]             \n"
        "str    r2, [sp, #44]             \n"
        "str    r3, [sp, #48]             \n"
        "11: ldr r0, [sp, #32]            \n" /* the next row */
        "ldr    r1, [sp, #44]             \n"
        "ldr    r2, [sp, #48]             \n"
        "adds   r1, r1, r0                \n"
        "adds   r2, r2, r0                \n"
        "add    r3, sp, #4                \n"
        "stmia  r3!, {r0, r1, r2}         \n"
        "movs   r0, #0                    \n"
        "str    r0, [sp]                  \n"
        "ldr    r5, [sp, #16]             \n"
        "ldr    r0, [sp, #28]             \n"
        "ldr    r1, [r5, #36]             \n"
        "adds   r1, r1, r0                \n"
        "str    r1, [sp, #40]             \n"
        "mov    r12, r0                   \n"
        "cmp    r0, r1                    \n"
        "bne    4f                        \n"
        "b      5f                        \n"
        "4: ldr r5, [sp, #16]             \n" /* the next pair */
        "ldmia  r5!, {r0, r1, r2, r3}     \n"
        "mov    r8, r0                    \n"
        "mov    r9, r1                    \n"
        "mov    r10, r0                   \n"
        "mov    r11, r1                   \n"
        "mov    r7, r2                    \n"
        "mov    lr, r3                    \n"
        "ldr    r0, [sp, #52]             \n"
        "add    pc, r0                    \n"
        "nop                              \n"
        "7:" TAP_OF_6 TAP_OF_6 TAP_OF_6 TAP_OF_6
        "cmp    r7, lr                    \n"
        "bne    7b                        \n"
        EC_SPLIT("r8", "r9")
        "ldr    r7, [sp, #16]             \n"
        LOAD_RESCALING
        FINISH_THREE
        NEXT_COLUMN
        EC_SPLIT("r10", "r11")
        FINISH_THREE
        NEXT_COLUMN
        "ldr    r0, [sp, #36]             \n"
        "adds   r0, #16                   \n"
        "mov    r12, r0                   \n"
        "ldr    r1, [sp, #40]             \n"
        "cmp    r0, r1                    \n"
        "beq    5f                        \n"
        "b      4b                        \n"
        "5: ldr r5, [sp, #16]             \n"
        "ldr    r0, [r5, #40]             \n"
        "cmp    r0, #0                    \n"
        "beq    8f                        \n"
        "ldmia  r5!, {r0, r1, r2, r3}     \n" /* the odd column */
        "mov    r8, r0                    \n"
        "mov    r9, r1                    \n"
        "mov    r7, r2                    \n"
        "mov    lr, r3                    \n"
        "6:" TAP_OF_3
        "cmp    r7, lr                    \n"
        "bne    6b                        \n"
        EC_SPLIT("r8", "r9")
        "ldr    r7, [sp, #16]             \n"
        LOAD_RESCALING
        FINISH_THREE
        "8: ldr r5, [sp, #16]             \n"
        "ldr    r0, [sp, #28]             \n"
        "ldr    r1, [r5, #24]             \n"
        "adds   r0, r0, r1                \n"
        "str    r0, [sp, #28]             \n"
        "ldr    r0, [sp, #32]             \n"
        "ldr    r1, [r5, #28]             \n"
        "adds   r0, r0, r1                \n"
        "str    r0, [sp, #32]             \n"
        "ldr    r0, [sp, #24]             \n"
        "subs   r0, #1                    \n"
        "str    r0, [sp, #24]             \n"
        "beq    9f                        \n"
        "b      11b                       \n"
        "9: ldr r0, [sp, #20]             \n"
        "b      1b                        \n");
}

/* clang-format on */

/* The largest sum times the multiplier is below 7 * 2^39, told from some of their upper bits. */
static int is_easy(const ec_plane_rows *rows) {
    const int32_t bias = (int32_t)(rows->start[0] << 11) >> 11;
    uint32_t most = (uint32_t)(bias < 0 ? -bias : bias);
    for (const ec_tap *tap = rows->taps; tap != rows->taps_end; tap++) {
        most += (uint32_t)(tap->weight < 0 ? -tap->weight : tap->weight) << 7;
    }
    return ((most >> 10) + 1U) * (((uint32_t)rows->multiplier >> 10) + 1U) < 7U << 19;
}

static void convolve_rows(ec_plane_rows *rows) {
    const uint32_t multiplier = (uint32_t)rows->multiplier;
    const uint32_t lower_bits = rows->rare || !is_easy(rows) ? 16U : EC_EASY_LOWER_BITS;
    rows->rare = lower_bits == 16U;
    rows->rescaling[0] = multiplier & ((1U << lower_bits) - 1U);
    rows->rescaling[1] = multiplier >> lower_bits;
    rows->rescaling[2] = (uint32_t)(rows->rare ? rows->zero_point : EC_EASY_ZERO_POINT(rows->zero_point));
    convolve_rescaled_rows(rows);
}

void ec_depthwise_conv2d_s8_arm_v6m(const ec_depthwise_conv2d_s8_params *params, const int8_t *input, int8_t *output, void *scratch) {
    static const ec_planes_loops loops = {merge, convolve_rows};
    ec_convolve_planes(params, input, output, scratch, &loops);
}
