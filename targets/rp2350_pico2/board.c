/* board.c - Raspberry Pi Pico 2 (RP2350) on its Arm cores: UART0 on GPIO 0 (transmit, pin 1) and GPIO 1 (receive, pin 2). */
#include "ec_board.h"

#include "cortex_m/fpu.h"
#include "rp2/rp2.h"

void ec_board_init(void) {
    ec_enable_fpu();
    rp2_run_from_pll();
}

void ec_board_serial_init(void) { rp2_uart_init(); }

void ec_board_serial_put(uint8_t byte) { rp2_uart_put(byte); }

int ec_board_serial_get(void) { return rp2_uart_get(); }
