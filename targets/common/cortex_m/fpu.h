/* fpu.h - access to the floating-point unit of Cortex-M4F, M7 and M33. */
#ifndef EC_CORTEX_M_FPU_H
#define EC_CORTEX_M_FPU_H

#include "ec_register.h"

#define EC_CPACR 0xE000ED88u                 /* Armv7-M Architecture Reference Manual, B3.2.20 */
#define EC_CPACR_FPU_FULL_ACCESS 0x00F00000u /* CP10 and CP11 */

/* Kernels may keep integers in FPU registers. */
static inline void ec_enable_fpu(void) {
    ec_set_bits(EC_CPACR, EC_CPACR_FPU_FULL_ACCESS);
    __asm__ volatile("dsb\n isb" ::: "memory");
}

#endif
