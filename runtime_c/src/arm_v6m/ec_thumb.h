/* ec_thumb.h - what every kernel in arm_v6m needs: the core, and how functions in assembly are written.
 *
 * Thumb of Armv6-M: r0-r7 take part in everything; r8-r12 and lr can be moved, added and compared only, so sums and limits stand there.
 */
#ifndef EC_THUMB_H
#define EC_THUMB_H

#if !defined(__thumb__)
#error "kernels in arm_v6m need Thumb: compile with -mthumb -mcpu=cortex-m0plus or newer, or take those of src/portable"
#endif

/* A function whose body is one asm statement that keeps the procedure call standard itself. The compiler must not look into it, since it
 * would draw conclusions from what it does not see. */
#if defined(__clang__)
#define EC_ASM_FUNCTION __attribute__((naked, noinline))
#else
#define EC_ASM_FUNCTION __attribute__((naked, noinline, noipa))
#endif
#define EC_ASM_PARAMETER __attribute__((unused))

/* clang-format off */

#define EC_SAVE_REGISTERS                 \
    ".syntax unified                  \n" \
    "push   {r4-r7, lr}               \n" \
    "mov    r4, r8                    \n" \
    "mov    r5, r9                    \n" \
    "mov    r6, r10                   \n" \
    "mov    r7, r11                   \n" \
    "push   {r4-r7}                   \n"

#define EC_RESTORE_REGISTERS_AND_RETURN   \
    "pop    {r4-r7}                   \n" \
    "mov    r8, r4                    \n" \
    "mov    r9, r5                    \n" \
    "mov    r10, r6                   \n" \
    "mov    r11, r7                   \n" \
    "pop    {r4-r7, pc}               \n"

/* clang-format on */

#endif
