/* uart_cmsdk.c - the UART of Arm's MPS2 and MPS3 boards (Cortex-M System Design Kit Technical Reference Manual, 4.3). */
#include "ec_board.h"
#include "ec_uart_cmsdk.h"

#define UART(offset) (*(volatile uint32_t *)(ec_uart_cmsdk_base + (offset)))
#define UART_DATA UART(0x00u)
#define UART_STATE UART(0x04u)
#define UART_CTRL UART(0x08u)
#define UART_BAUDDIV UART(0x10u)
#define STATE_TX_FULL 0x01u
#define STATE_RX_FULL 0x02u
#define STATE_OVERRUNS 0x0Cu /* cleared by writing ones */
#define CTRL_TX_AND_RX_ENABLE 0x03u
#define LEAST_DIVIDER 16u
#define MOST_POLLS 1000000u

void ec_board_serial_init(void) {
    const uint32_t divider = EC_CLOCK_HZ / EC_SERIAL_BAUD;
    UART_BAUDDIV = divider < LEAST_DIVIDER ? LEAST_DIVIDER : divider;
    UART_CTRL = CTRL_TX_AND_RX_ENABLE;
}

void ec_board_serial_put(uint8_t byte) {
    for (uint32_t polls = 0; (UART_STATE & STATE_TX_FULL) != 0; polls++) {
        if (polls == MOST_POLLS) {
            return;
        }
    }
    UART_DATA = byte;
}

int ec_board_serial_get(void) {
    const uint32_t state = UART_STATE;
    if ((state & STATE_OVERRUNS) != 0) {
        UART_STATE = STATE_OVERRUNS;
    }
    return (state & STATE_RX_FULL) != 0 ? (int)(UART_DATA & 0xFFu) : -1;
}
