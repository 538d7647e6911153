/* ec_thumb2.h - what every kernel in arm_v7m needs: the core, and how functions in assembly are written. */
#ifndef EC_THUMB2_H
#define EC_THUMB2_H

#if !defined(__thumb2__)
#error "kernels in arm_v7m need Thumb-2: compile with -mthumb -mcpu=cortex-m3 or newer, or take those of src/arm_v6m or src/portable"
#endif

/* A function whose body is one asm statement that keeps the procedure call standard itself. The compiler must not look into it, since it
 * would draw conclusions from what it does not see. */
#if defined(__clang__)
#define EC_ASM_FUNCTION __attribute__((naked, noinline))
#else
#define EC_ASM_FUNCTION __attribute__((naked, noinline, noipa))
#endif
#define EC_ASM_PARAMETER __attribute__((unused))

#endif
