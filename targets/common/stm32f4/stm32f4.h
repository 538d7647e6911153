/* stm32f4.h - what boards with an STM32F4 share: core clock from the PLL, a pin for a peripheral, a USART. Reference manuals RM0090
 * (STM32F405) and RM0390 (STM32F446). */
#ifndef EC_STM32F4_H
#define EC_STM32F4_H

#include <stdint.h>

/* RM0090 section 2.3, RM0390 section 2.2.2: memory map. */
#define STM32F4_RCC 0x40023800u
#define STM32F4_RCC_APB1ENR (STM32F4_RCC + 0x40u)
#define STM32F4_RCC_APB2ENR (STM32F4_RCC + 0x44u)
#define STM32F4_GPIOA 0x40020000u
#define STM32F4_USART1 0x40011000u
#define STM32F4_USART2 0x40004400u

#define STM32F4_APB1_DIVIDER 4u /* as stm32f4_run_from_pll sets it: APB1 at most 45 MHz, APB2 at most 90 MHz */
#define STM32F4_APB2_DIVIDER 2u

/* Takes the core from the internal 16 MHz oscillator to EC_CLOCK_HZ, at most 180 MHz (168 MHz on the F405), with caches and prefetch
 * on. Where the PLL does not lock, the core stays at 16 MHz. */
void stm32f4_run_from_pll(void);

/* Gives a pin of port A, 0 to 15, to the alternate function of that number, pulled up. */
void stm32f4_port_a_function(uint32_t pin, uint32_t function);

/* 8N1 at EC_SERIAL_BAUD, both directions; `bus_hz` is the clock of the USART's bus. Its clock must be on. */
void stm32f4_usart_init(uint32_t usart, uint32_t bus_hz);

/* As ec_board.h describes them. */
void stm32f4_usart_put(uint32_t usart, uint8_t byte);
int stm32f4_usart_get(uint32_t usart);

#endif
