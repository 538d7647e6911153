/* uart.c - the 16550A of QEMU virt (National Semiconductor, PC16550D data sheet, section 8). */
#include "ec_board.h"

#define UART(offset) (*(volatile uint8_t *)(0x10000000u + (offset)))
#define UART_DATA UART(0u)
#define UART_INTERRUPTS UART(1u)
#define UART_DIVISOR_LOW UART(0u) /* these two while LCR_DIVISOR is set */
#define UART_DIVISOR_HIGH UART(1u)
#define UART_FIFO UART(2u)
#define UART_LINE_CONTROL UART(3u)
#define UART_LINE_STATUS UART(5u)
#define LCR_8N1 0x03u
#define LCR_DIVISOR 0x80u
#define FIFO_ENABLE_AND_CLEAR 0x07u
#define LSR_DATA_READY 0x01u
#define LSR_TX_EMPTY 0x20u
#define UART_CLOCK_HZ 3686400u
#define MOST_POLLS 1000000u

void ec_board_serial_init(void) {
    const uint32_t divisor = UART_CLOCK_HZ / (16u * EC_SERIAL_BAUD);
    UART_INTERRUPTS = 0;
    UART_LINE_CONTROL = LCR_DIVISOR;
    UART_DIVISOR_LOW = (uint8_t)divisor;
    UART_DIVISOR_HIGH = (uint8_t)(divisor >> 8);
    UART_LINE_CONTROL = LCR_8N1;
    UART_FIFO = FIFO_ENABLE_AND_CLEAR;
    (void)UART_DATA; /* else QEMU passes nothing on where a byte had come before the FIFO was cleared */
}

void ec_board_serial_put(uint8_t byte) {
    for (uint32_t polls = 0; (UART_LINE_STATUS & LSR_TX_EMPTY) == 0; polls++) {
        if (polls == MOST_POLLS) {
            return;
        }
    }
    UART_DATA = byte;
}

int ec_board_serial_get(void) { return (UART_LINE_STATUS & LSR_DATA_READY) != 0 ? UART_DATA : -1; /* reading the status clears errors */ }
