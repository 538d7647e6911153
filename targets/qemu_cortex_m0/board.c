/* board.c - QEMU mps2-an385, a Cortex-M3 that stands in for a Cortex-M0+. */
#include <stdint.h>

#include "ec_board.h"
#include "cortex_m/ec_uart_cmsdk.h"

#define CCR (*(volatile uint32_t *)0xE000ED14u)
#define CCR_UNALIGNED_TRAP 0x00000008u

const uintptr_t ec_uart_cmsdk_base = 0x40004000u; /* UART0 */

void ec_board_init(void) {
    CCR |= CCR_UNALIGNED_TRAP; /* an M0+ faults on every unaligned access; an M3 does so only when told */
    __asm__ volatile("dsb\n isb" ::: "memory");
}
