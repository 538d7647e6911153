/* stm32f4.c - clock, pins and USART of an STM32F4. Sections are those of RM0090 rev 19; RM0390 names the registers alike. */
#include "stm32f4/stm32f4.h"

#include "ec_register.h"

#define HSI_HZ 16000000u /* 7.2.2: internal oscillator, within 1 % at 25 degrees Celsius */

/* 7.3: RCC registers */
#define RCC_CR STM32F4_RCC
#define CR_PLLON (1u << 24)
#define CR_PLLRDY (1u << 25)
#define RCC_PLLCFGR (STM32F4_RCC + 0x04u)
#define RCC_CFGR (STM32F4_RCC + 0x08u)
#define CFGR_SW_PLL 2u
#define CFGR_SWS_MASK (3u << 2)
#define CFGR_SWS_PLL (2u << 2)
#define CFGR_PPRE1_BY_4 (5u << 10)
#define CFGR_PPRE2_BY_2 (4u << 13)
#define RCC_AHB1ENR (STM32F4_RCC + 0x30u)
#define AHB1ENR_GPIOA (1u << 0)
#define APB1ENR_PWR (1u << 28)

/* 5.4: power controller. The F405 has one VOS bit, the F446 two and the over-drive (RM0390 section 5.4.1). */
#define PWR_CR 0x40007000u
#define PWR_CSR 0x40007004u
#define CR_VOS_SCALE_1 (3u << 14)
#define CR_ODEN (1u << 16)
#define CR_ODSWEN (1u << 17)
#define CSR_ODRDY (1u << 16)
#define CSR_ODSWRDY (1u << 17)
#define OVER_DRIVE_ABOVE_HZ 168000000u

/* 3.9.1 and table 10: five wait states from 150 to 180 MHz at 2.7 to 3.6 V */
#define FLASH_ACR 0x40023C00u
#define ACR_WAIT_STATES 5u
#define ACR_PREFETCH (1u << 8)
#define ACR_INSTRUCTION_CACHE (1u << 9)
#define ACR_DATA_CACHE (1u << 10)

/* 8.4: GPIO registers */
#define MODER 0x00u
#define PUPDR 0x0Cu
#define AFRL 0x20u
#define MODE_ALTERNATE 2u
#define PULL_UP 1u

/* 30.6: USART registers */
#define SR 0x00u
#define SR_ORE (1u << 3)
#define SR_RXNE (1u << 5)
#define SR_TXE (1u << 7)
#define DR 0x04u
#define BRR 0x08u
#define CR1 0x0Cu
#define CR1_RE (1u << 2)
#define CR1_TE (1u << 3)
#define CR1_UE (1u << 13)

/* 7.3.2: VCO input 1 MHz (HSI / 16), VCO output twice the core's clock, P = 2; Q and R stay unused at their least. */
#define PLL_M 16u
#define PLL_N (2u * (EC_CLOCK_HZ / 1000000u))
#define PLL_Q (8u << 24)
#define PLL_R (2u << 28) /* reserved on the F405, whose reset value it is */
_Static_assert(EC_CLOCK_HZ % 1000000u == 0 && EC_CLOCK_HZ >= 96000000u && EC_CLOCK_HZ <= 180000000u, "clock_hz of board.toml");
_Static_assert(HSI_HZ / PLL_M == 1000000u, "the VCO's input");

static void raise_core_voltage(void) {
    ec_set_bits(STM32F4_RCC_APB1ENR, APB1ENR_PWR);
    ec_set_bits(PWR_CR, CR_VOS_SCALE_1);
}

/* RM0390 section 5.1.4: between locking the PLL and switching to it. */
static void enter_over_drive(void) {
    ec_set_bits(PWR_CR, CR_ODEN);
    (void)ec_wait_until(PWR_CSR, CSR_ODRDY, CSR_ODRDY);
    ec_set_bits(PWR_CR, CR_ODSWEN);
    (void)ec_wait_until(PWR_CSR, CSR_ODSWRDY, CSR_ODSWRDY);
}

void stm32f4_run_from_pll(void) {
    raise_core_voltage();
    EC_REGISTER(RCC_PLLCFGR) = PLL_R | PLL_Q | (PLL_N << 6) | PLL_M;
    ec_set_bits(RCC_CR, CR_PLLON);
    if (!ec_wait_until(RCC_CR, CR_PLLRDY, CR_PLLRDY)) {
        return;
    }
    if (EC_CLOCK_HZ > OVER_DRIVE_ABOVE_HZ) {
        enter_over_drive();
    }
    EC_REGISTER(FLASH_ACR) = ACR_DATA_CACHE | ACR_INSTRUCTION_CACHE | ACR_PREFETCH | ACR_WAIT_STATES;
    (void)ec_wait_until(FLASH_ACR, 0xFu, ACR_WAIT_STATES);
    EC_REGISTER(RCC_CFGR) = CFGR_PPRE2_BY_2 | CFGR_PPRE1_BY_4 | CFGR_SW_PLL;
    (void)ec_wait_until(RCC_CFGR, CFGR_SWS_MASK, CFGR_SWS_PLL);
}

void stm32f4_port_a_function(uint32_t pin, uint32_t function) {
    ec_set_bits(RCC_AHB1ENR, AHB1ENR_GPIOA);
    (void)EC_REGISTER(RCC_AHB1ENR); /* 7.3.10: a peripheral may be used two cycles after its clock is on */
    const uint32_t half = STM32F4_GPIOA + AFRL + 4u * (pin / 8u);
    ec_change_bits(half, 15u << (4u * (pin % 8u)), function << (4u * (pin % 8u)));
    ec_change_bits(STM32F4_GPIOA + PUPDR, 3u << (2u * pin), PULL_UP << (2u * pin));
    ec_change_bits(STM32F4_GPIOA + MODER, 3u << (2u * pin), MODE_ALTERNATE << (2u * pin));
}

void stm32f4_usart_init(uint32_t usart, uint32_t bus_hz) {
    EC_REGISTER(usart + BRR) = (bus_hz + EC_SERIAL_BAUD / 2u) / EC_SERIAL_BAUD; /* 30.3.4: sixteenths of the divider */
    EC_REGISTER(usart + CR1) = CR1_UE | CR1_TE | CR1_RE;
}

void stm32f4_usart_put(uint32_t usart, uint8_t byte) {
    if (ec_wait_until(usart + SR, SR_TXE, SR_TXE)) {
        EC_REGISTER(usart + DR) = byte;
    }
}

int stm32f4_usart_get(uint32_t usart) {
    const uint32_t status = EC_REGISTER(usart + SR);
    if ((status & (SR_RXNE | SR_ORE)) == 0) {
        return -1;
    }
    const uint32_t byte = EC_REGISTER(usart + DR) & 0xFFu; /* 30.6.1: reading SR, then DR, clears the errors too */
    return (status & SR_RXNE) != 0 ? (int)byte : -1;
}
