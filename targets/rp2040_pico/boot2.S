/* boot2.S - RP2040 second stage: 256 bytes that the boot ROM copies to RAM and runs if their checksum is right (RP2040 Datasheet
 * section 2.8.1.3). They set the flash interface up for quad reads in place at half the core's clock, then start the program behind
 * them. Sections named below are the datasheet's; flash commands are those of the Pico's W25Q16JV (data sheet, section 8.2) and of most
 * other quad flashes.
 *
 * The checksum's four bytes are `python -m edgecomp.boards.boot2 FIRMWARE.elf`; a test proves them right. */
    .syntax unified
    .cpu cortex-m0plus
    .thumb

/* 4.10.13: SSI registers, as offsets from SSI */
    .equ SSI, 0x18000000
    .equ CTRLR0, 0x00
    .equ CTRLR1, 0x04
    .equ SSIENR, 0x08
    .equ BAUDR, 0x14
    .equ SR, 0x28
    .equ DR0, 0x60
    .equ RX_SAMPLE_DLY, 0xF0 /* behind it SPI_CTRLR0, 0xF4 */
    .equ SR_BUSY, 0x01
    .equ SR_TX_EMPTY, 0x04

/* 2.19.6.4: pads of the flash interface, SCLK and SD0 to SD3 from offset 4 */
    .equ PADS_QSPI, 0x40020000
    .equ SCLK_PAD_8_MA_FAST, (2 << 4) | 1
    .equ PAD_SCHMITT, 1 << 1

    .equ CLOCK_DIVIDER, 2 /* 62.5 MHz at 125 MHz; the flash takes 133 MHz */
    .equ BYTES_BOTH_WAYS, 7 << 16                         /* CTRLR0: 8-bit frames, one line, full duplex */
    .equ WORD_READS, (2 << 21) | (31 << 16) | (3 << 8)    /* CTRLR0: quad, 32-bit frames, send an address and receive */
    .equ WITH_COMMAND, (4 << 11) | (2 << 8) | (8 << 2) | 1    /* SPI_CTRLR0: command on one line, 32 bits on four, 4 cycles' wait */
    .equ WITHOUT_COMMAND, (0xA0 << 24) | (4 << 11) | (8 << 2) | 2 /* only address and 0xA0, which keeps the flash in this mode */

    .equ FLASH_WRITE_ENABLE, 0x06
    .equ FLASH_WRITE_STATUS, 0x01
    .equ FLASH_READ_STATUS_1, 0x05
    .equ FLASH_READ_STATUS_2, 0x35
    .equ FLASH_QUAD_READ, 0xEB
    .equ STATUS_1_BUSY, 0x01
    .equ STATUS_2_QUAD_ENABLE, 0x02
    .equ KEEP_MODE, 0xA0

    .equ PROGRAM, 0x10000100
    .equ VTOR, 0xE000ED08

    .section .boot2, "ax"
    .thumb_func
boot2_entry:
    ldr r0, =PADS_QSPI
    movs r1, #SCLK_PAD_8_MA_FAST
    str r1, [r0, #4]
    ldr r1, [r0, #8] /* the four data lines: their reset value without the delay of the Schmitt trigger */
    movs r2, #PAD_SCHMITT
    bics r1, r2
    str r1, [r0, #8]
    str r1, [r0, #12]
    str r1, [r0, #16]
    str r1, [r0, #20]

    ldr r4, =SSI
    movs r0, #0
    str r0, [r4, #SSIENR]
    movs r0, #CLOCK_DIVIDER
    str r0, [r4, #BAUDR]
    movs r5, #RX_SAMPLE_DLY
    movs r0, #1 /* the flash answers up to a clock late at this speed */
    str r0, [r4, r5]
    ldr r0, =BYTES_BOTH_WAYS
    str r0, [r4, #CTRLR0]
    movs r0, #1
    str r0, [r4, #SSIENR]

    /* The flash takes four lines only once its quad-enable bit is set; it keeps that bit without power. */
    movs r0, #FLASH_READ_STATUS_2
    bl exchange_with_answer
    movs r1, #STATUS_2_QUAD_ENABLE
    tst r0, r1
    bne start_quad_reads
    movs r0, #FLASH_WRITE_ENABLE
    bl exchange
    movs r0, #FLASH_WRITE_STATUS
    str r0, [r4, #DR0]
    movs r0, #0
    str r0, [r4, #DR0]
    movs r0, #STATUS_2_QUAD_ENABLE
    bl exchange
    ldr r0, [r4, #DR0]
    ldr r0, [r4, #DR0]
    ldr r6, =WRITE_POLLS
wait_for_write:
    subs r6, #1
    beq start_quad_reads
    movs r0, #FLASH_READ_STATUS_1
    bl exchange_with_answer
    movs r1, #STATUS_1_BUSY
    tst r0, r1
    bne wait_for_write

start_quad_reads:
    movs r0, #0
    str r0, [r4, #SSIENR]
    ldr r0, =WORD_READS
    str r0, [r4, #CTRLR0]
    movs r0, #0 /* one word a read */
    str r0, [r4, #CTRLR1]
    ldr r0, =WITH_COMMAND
    bl set_read_form
    movs r0, #FLASH_QUAD_READ
    str r0, [r4, #DR0]
    movs r0, #KEEP_MODE /* address 0 and the mode byte */
    bl exchange
    movs r0, #0
    str r0, [r4, #SSIENR]
    ldr r0, =WITHOUT_COMMAND
    bl set_read_form

    ldr r0, =PROGRAM
    ldr r1, =VTOR
    str r0, [r1]
    ldmia r0!, {r1, r2}
    msr msp, r1
    bx r2

/* SPI_CTRLR0 = r0, then the interface on. */
    .thumb_func
set_read_form:
    adds r5, #4
    str r0, [r4, r5]
    subs r5, #4
    movs r0, #1
    str r0, [r4, #SSIENR]
    bx lr

/* Sends the command r0 and a byte more; r0 = what came with that. */
    .thumb_func
exchange_with_answer:
    str r0, [r4, #DR0]
    mov r7, lr
    bl exchange
    ldr r0, [r4, #DR0]
    bx r7

/* Sends r0 behind what was sent before, waits until all has gone, and returns the first byte that came back in r0. */
    .thumb_func
exchange:
    str r0, [r4, #DR0]
    ldr r3, =EXCHANGE_POLLS
wait_for_idle:
    subs r3, #1
    beq idle
    ldr r1, [r4, #SR]
    movs r2, #SR_TX_EMPTY
    tst r1, r2
    beq wait_for_idle
    movs r2, #SR_BUSY
    tst r1, r2
    bne wait_for_idle
idle:
    ldr r0, [r4, #DR0]
    bx lr

    .equ WRITE_POLLS, 0x10000    /* the flash takes 15 ms at most */
    .equ EXCHANGE_POLLS, 0x10000 /* a byte takes microseconds */
    .ltorg

    .org 252 /* what does not fit is an error here */
    .word 0x47DE5476
