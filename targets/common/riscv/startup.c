/* startup.c - RISC-V in machine mode: reset, trap report and semihosting trap. RV32I and up, one hart. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "ec_board.h"
#include "ec_port.h"
#include "ec_semihosting.h"

/* Defined by sections.ld. */
extern uint8_t ec_data_load[];
extern uint8_t ec_data_start[];
extern uint8_t ec_data_end[];
extern uint8_t ec_bss_start[];
extern uint8_t ec_bss_end[];

#define WITH_CSR ".option arch, +zicsr\n" /* every machine-mode core has it, though -march may not say so */

int main(void);
void ec_reset(void);
void ec_start(void);
void ec_report_trap(uintptr_t cause, uintptr_t pc, uintptr_t value);

/* "RISC-V Semihosting", section 2: these three instructions, none of them compressed, are the trap. */
__attribute__((naked, noinline, aligned(16))) intptr_t ec_semihosting_call(__attribute__((unused)) uintptr_t operation,
                                                                           __attribute__((unused)) const void *argument) {
    __asm__ volatile(".option push\n"
                     ".option norvc\n"
                     "slli x0, x0, 0x1f\n"
                     "ebreak\n"
                     "srai x0, x0, 7\n"
                     "ret\n"
                     ".option pop\n");
}

__attribute__((naked, noinline)) uint8_t *ec_port_stack_pointer(void) {
    __asm__ volatile("mv a0, sp\n"
                     "ret\n");
}

void ec_port_restart(void) { ec_reset(); }

static void put_hex(char *to, uintptr_t value) {
    for (unsigned i = 0; i < 8u; i++) {
        to[i] = "0123456789abcdef"[(value >> (28u - 4u * i)) & 15u];
    }
}

__attribute__((used)) void ec_report_trap(uintptr_t cause, uintptr_t pc, uintptr_t value) {
    char line[] = "fault: cause 0x........ at pc 0x........, value 0x........\n";
    put_hex(line + 15, cause);
    put_hex(line + 32, pc);
    put_hex(line + 50, value);
    ec_port_print(line);
    ec_port_exit(2);
}

/* Aligned for cores that know only vectored mode, where this is entry 0, of exceptions (ESP32-C3 Technical Reference Manual, 1.4). */
__attribute__((naked, aligned(256))) static void trap_entry(void) {
    __asm__ volatile(WITH_CSR "csrr a0, mcause\n"
                              "csrr a1, mepc\n"
                              "csrr a2, mtval\n"
                              "la sp, ec_stack_top\n" /* the old stack may be what went wrong */
                              "call ec_report_trap\n");
}

__attribute__((section(".reset"), naked)) void ec_reset(void) {
    __asm__ volatile(".option push\n"
                     ".option norelax\n"
                     "la gp, __global_pointer$\n"
                     ".option pop\n"
                     "la sp, ec_stack_top\n"
                     "call ec_start\n");
}

__attribute__((used)) void ec_start(void) {
    __asm__ volatile(WITH_CSR "csrw mtvec, %0" ::"r"(trap_entry));
    ec_board_init();
    memcpy(ec_data_start, ec_data_load, (size_t)(ec_data_end - ec_data_start));
    memset(ec_bss_start, 0, (size_t)(ec_bss_end - ec_bss_start));
    ec_port_exit(main());
}
