/* board.c - QEMU mps2-an505. */
#include <stdint.h>

#include "ec_board.h"
#include "cortex_m/ec_uart_cmsdk.h"

#define CPACR (*(volatile uint32_t *)0xE000ED88u)
#define CPACR_FPU_FULL_ACCESS 0x00F00000u

const uintptr_t ec_uart_cmsdk_base = 0x50200000u; /* UART0, in the Secure world */

void ec_board_init(void) {
    CPACR |= CPACR_FPU_FULL_ACCESS; /* kernels may keep integers in FPU registers */
    __asm__ volatile("dsb\n isb" ::: "memory");
}
