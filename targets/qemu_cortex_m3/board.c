/* board.c - QEMU mps2-an385: ready at reset. */
#include "ec_board.h"
#include "cortex_m/ec_uart_cmsdk.h"

const uintptr_t ec_uart_cmsdk_base = 0x40004000u; /* UART0 */

void ec_board_init(void) {}
