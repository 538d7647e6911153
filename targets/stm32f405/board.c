/* board.c - any board with an STM32F405xG: USART1 on PA9 (transmit) and PA10 (receive), 168 MHz from the internal oscillator, so that
 * the crystal of the board does not matter. */
#include "ec_board.h"

#include "cortex_m/fpu.h"
#include "ec_register.h"
#include "stm32f4/stm32f4.h"

#define APB2ENR_USART1 (1u << 4) /* RM0090 section 7.3.14 */
#define PIN_TX 9u                /* DS8626 table 9: both are USART1 in alternate function 7 */
#define PIN_RX 10u
#define FUNCTION_USART1 7u

void ec_board_init(void) {
    ec_enable_fpu();
    stm32f4_run_from_pll();
}

void ec_board_serial_init(void) {
    ec_set_bits(STM32F4_RCC_APB2ENR, APB2ENR_USART1);
    stm32f4_port_a_function(PIN_TX, FUNCTION_USART1);
    stm32f4_port_a_function(PIN_RX, FUNCTION_USART1);
    stm32f4_usart_init(STM32F4_USART1, EC_CLOCK_HZ / STM32F4_APB2_DIVIDER);
}

void ec_board_serial_put(uint8_t byte) { stm32f4_usart_put(STM32F4_USART1, byte); }

int ec_board_serial_get(void) { return stm32f4_usart_get(STM32F4_USART1); }
