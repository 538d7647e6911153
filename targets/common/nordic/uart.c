/* uart.c - Nordic's UART, polled. Sections are those of the nRF52840 Product Specification v1.7. */
#include "nordic/uart.h"

#include "ec_register.h"

/* 5.4.3: CLOCK registers */
#define TASKS_HFCLKSTART 0x40000000u
#define EVENTS_HFCLKSTARTED 0x40000100u

/* 6.8.2: GPIO registers of port 0 */
#define GPIO_OUTSET 0x50000508u
#define GPIO_DIRSET 0x50000518u
#define GPIO_PIN_CNF 0x50000700u
#define PIN_CNF_INPUT_PULL_UP (3u << 2)

/* 6.33.10: UART registers */
#define UART 0x40002000u
#define TASKS_STARTRX UART
#define TASKS_STARTTX (UART + 0x008u)
#define EVENTS_RXDRDY (UART + 0x108u)
#define EVENTS_TXDRDY (UART + 0x11Cu)
#define ERRORSRC (UART + 0x480u)
#define ENABLE (UART + 0x500u)
#define ENABLE_UART 4u
#define PSEL_TXD (UART + 0x50Cu)
#define PSEL_RXD (UART + 0x514u)
#define RXD (UART + 0x518u)
#define TXD (UART + 0x51Cu)
#define BAUDRATE (UART + 0x524u)

/* The accumulator overflows at 16 MHz / 2^32 a step and has 20 bits; so do the values in the table of BAUDRATE come about. */
#define BAUDRATE_VALUE ((uint32_t)((((uint64_t)EC_SERIAL_BAUD << 32) / 16000000u + 0x800u) & 0xFFFFF000u))
_Static_assert(EC_SERIAL_BAUD >= 1200u && EC_SERIAL_BAUD <= 1000000u, "baud of board.toml: the UART takes 1,200 to 1,000,000");

void nordic_start_crystal(void) {
    EC_REGISTER(EVENTS_HFCLKSTARTED) = 0u;
    EC_REGISTER(TASKS_HFCLKSTART) = 1u;
    (void)ec_wait_until(EVENTS_HFCLKSTARTED, 1u, 1u);
}

void nordic_uart_init(uint32_t pin_tx, uint32_t pin_rx) {
    EC_REGISTER(GPIO_OUTSET) = 1u << pin_tx; /* 6.33.6: the line is idle, high, before the UART takes the pin */
    EC_REGISTER(GPIO_DIRSET) = 1u << pin_tx;
    EC_REGISTER(GPIO_PIN_CNF + 4u * pin_rx) = PIN_CNF_INPUT_PULL_UP;
    EC_REGISTER(PSEL_TXD) = pin_tx;
    EC_REGISTER(PSEL_RXD) = pin_rx;
    EC_REGISTER(BAUDRATE) = BAUDRATE_VALUE;
    EC_REGISTER(ENABLE) = ENABLE_UART;
    EC_REGISTER(EVENTS_RXDRDY) = 0u;
    EC_REGISTER(EVENTS_TXDRDY) = 0u;
    EC_REGISTER(TASKS_STARTTX) = 1u;
    EC_REGISTER(TASKS_STARTRX) = 1u;
}

void nordic_uart_put(uint8_t byte) {
    EC_REGISTER(TXD) = byte; /* free: each call waits until its byte has gone */
    (void)ec_wait_until(EVENTS_TXDRDY, 1u, 1u);
    EC_REGISTER(EVENTS_TXDRDY) = 0u;
}

int nordic_uart_get(void) {
    if (EC_REGISTER(EVENTS_RXDRDY) == 0u) {
        return -1;
    }
    EC_REGISTER(EVENTS_RXDRDY) = 0u; /* 6.33.4: before RXD is read, so that no event is lost; the FIFO holds six bytes */
    EC_REGISTER(ERRORSRC) = EC_REGISTER(ERRORSRC);
    return (int)(EC_REGISTER(RXD) & 0xFFu);
}
