/* startup.c - Cortex-M: vector table, reset, fault report and semihosting trap. Armv6-M to Armv8.1-M. */
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
extern uint8_t ec_stack_top[];

#define FAULT_STATUS (*(volatile uint32_t *)0xE000ED28u)      /* CFSR; absent on Armv6-M, reads as zero */
#define APPLICATION_RESET (*(volatile uint32_t *)0xE000ED0Cu) /* AIRCR */
#define APPLICATION_RESET_REQUEST 0x05FA0004u                 /* the key, and SYSRESETREQ */
#define STACKED_PC 6u                                         /* word index in the exception frame */

int main(void);
void ec_reset(void);
void ec_fault_entry(void);
void ec_report_fault(const uint32_t *frame, uint32_t exception_number);

intptr_t ec_semihosting_call(uintptr_t operation, const void *argument) {
    register uintptr_t r0 __asm__("r0") = operation;
    register const void *r1 __asm__("r1") = argument;
    __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory", "cc");
    return (intptr_t)r0;
}

__attribute__((naked, noinline)) uint8_t *ec_port_stack_pointer(void) { __asm__ volatile("mov r0, sp\n bx lr"); }

void ec_port_restart(void) {
    __asm__ volatile("dsb" ::: "memory");
    APPLICATION_RESET = APPLICATION_RESET_REQUEST;
    for (;;) {
    }
}

static void put_hex(char *to, uint32_t value) {
    for (unsigned i = 0; i < 8u; i++) {
        to[i] = "0123456789abcdef"[(value >> (28u - 4u * i)) & 15u];
    }
}

__attribute__((used)) void ec_report_fault(const uint32_t *frame, uint32_t exception_number) {
    char line[] = "fault: exception 0x........ at pc 0x........, fault status 0x........\n";
    put_hex(line + 19, exception_number);
    put_hex(line + 36, frame[STACKED_PC]);
    put_hex(line + 61, FAULT_STATUS);
    ec_port_print(line);
    ec_port_exit(2);
}

__attribute__((naked)) void ec_fault_entry(void) {
    __asm__ volatile("mrs r0, msp\n"
                     "mrs r1, ipsr\n"
                     "ldr r2, =ec_report_fault\n"
                     "bx r2\n");
}

/* For a counter that needs the interrupt; a fault like the others where none does. */
__attribute__((weak, alias("ec_fault_entry"))) void ec_systick_entry(void);

void ec_reset(void) {
    ec_board_init();
    memcpy(ec_data_start, ec_data_load, (size_t)(ec_data_end - ec_data_start));
    memset(ec_bss_start, 0, (size_t)(ec_bss_end - ec_bss_start));
    ec_port_exit(main());
}

struct vector_table {
    const void *initial_stack_pointer;
    void (*handlers[15])(void); /* exception n is at n - 1 */
};

/* Reset, then every system exception; interrupts stay disabled. */
__attribute__((section(".vectors"), used)) static const struct vector_table vectors = {
    ec_stack_top,
    {
        [0] = ec_reset,
        [1] = ec_fault_entry,  /* NMI */
        [2] = ec_fault_entry,  /* HardFault */
        [3] = ec_fault_entry,  /* MemManage */
        [4] = ec_fault_entry,  /* BusFault */
        [5] = ec_fault_entry,  /* UsageFault */
        [6] = ec_fault_entry,  /* SecureFault */
        [10] = ec_fault_entry, /* SVCall */
        [11] = ec_fault_entry, /* DebugMonitor */
        [13] = ec_fault_entry, /* PendSV */
        [14] = ec_systick_entry,
    },
};
