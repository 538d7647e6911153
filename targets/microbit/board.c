/* board.c - BBC micro:bit v1 (nRF51822): the interface chip's serial port is wired to P0.24 (transmit) and P0.25 (receive). */
#include "ec_board.h"

#include "nordic/uart.h"

#define PIN_TX 24u /* micro:bit v1 schematic, sheet "Target": TGT_TX and TGT_RX */
#define PIN_RX 25u

void ec_board_init(void) { nordic_start_crystal(); /* the core runs at 16 MHz from reset */ }

void ec_board_serial_init(void) { nordic_uart_init(PIN_TX, PIN_RX); }

void ec_board_serial_put(uint8_t byte) { nordic_uart_put(byte); }

int ec_board_serial_get(void) { return nordic_uart_get(); }
