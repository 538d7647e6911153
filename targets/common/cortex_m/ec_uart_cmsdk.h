/* ec_uart_cmsdk.h - where the board has its UART of Arm's Cortex-M System Design Kit. */
#ifndef EC_UART_CMSDK_H
#define EC_UART_CMSDK_H

#include <stdint.h>

/* Address of its first register; supplied by board.c. */
extern const uintptr_t ec_uart_cmsdk_base;

#endif
