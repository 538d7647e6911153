/* board.c - ST NUCLEO-F446RE: USART2 on PA2 and PA3, which the ST-LINK's virtual COM port carries; 180 MHz from the internal
 * oscillator. */
#include "ec_board.h"

#include "cortex_m/fpu.h"
#include "ec_register.h"
#include "stm32f4/stm32f4.h"

#define APB1ENR_USART2 (1u << 17) /* RM0390 section 6.3.13 */
#define PIN_TX 2u                 /* UM1724 section 6.8; DS10693 table 11: both are USART2 in alternate function 7 */
#define PIN_RX 3u
#define FUNCTION_USART2 7u

void ec_board_init(void) {
    ec_enable_fpu();
    stm32f4_run_from_pll();
}

void ec_board_serial_init(void) {
    ec_set_bits(STM32F4_RCC_APB1ENR, APB1ENR_USART2);
    stm32f4_port_a_function(PIN_TX, FUNCTION_USART2);
    stm32f4_port_a_function(PIN_RX, FUNCTION_USART2);
    stm32f4_usart_init(STM32F4_USART2, EC_CLOCK_HZ / STM32F4_APB1_DIVIDER);
}

void ec_board_serial_put(uint8_t byte) { stm32f4_usart_put(STM32F4_USART2, byte); }

int ec_board_serial_get(void) { return stm32f4_usart_get(STM32F4_USART2); }
