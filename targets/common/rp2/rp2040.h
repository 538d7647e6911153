/* rp2040.h - addresses (RP2040 Datasheet section 2.2) and reset bits (2.14.3) of the blocks rp2.c uses. */
#ifndef EC_RP2040_H
#define EC_RP2040_H

#define RP2_CLOCKS 0x40008000u
#define RP2_RESETS 0x4000C000u
#define RP2_IO_BANK0 0x40014000u
#define RP2_PADS_BANK0 0x4001C000u
#define RP2_XOSC 0x40024000u
#define RP2_PLL_SYS 0x40028000u
#define RP2_UART0 0x40034000u

#define RP2_RESET_IO_BANK0 (1u << 5)
#define RP2_RESET_PADS_BANK0 (1u << 8)
#define RP2_RESET_PLL_SYS (1u << 12)
#define RP2_RESET_UART0 (1u << 22)

#endif
