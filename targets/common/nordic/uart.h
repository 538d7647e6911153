/* uart.h - the UART of Nordic's nRF51 and nRF52, and the crystal oscillator that times it. nRF51 Reference Manual v3.0.1 chapters 12
 * and 29; nRF52840 Product Specification v1.7 sections 5.4 and 6.33: same addresses, same registers. */
#ifndef EC_NORDIC_UART_H
#define EC_NORDIC_UART_H

#include <stdint.h>

/* Starts the high-frequency crystal: the internal oscillator, within 6 %, is too coarse for a UART. */
void nordic_start_crystal(void);

/* 8N1 at EC_SERIAL_BAUD, at most 1 MBd; pins are numbers of port 0. Both must be GPIO at reset, as they are. */
void nordic_uart_init(uint32_t pin_tx, uint32_t pin_rx);

/* As ec_board.h describes them. */
void nordic_uart_put(uint8_t byte);
int nordic_uart_get(void);

#endif
