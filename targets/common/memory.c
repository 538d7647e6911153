/* memory.c - memory of a linked image, from the symbols of sections.ld: what is free lies between .bss and the stack. */
#include "ec_port.h"

extern uint8_t ec_text_start[];
extern uint8_t ec_text_end[];
extern uint8_t ec_rodata_start[];
extern uint8_t ec_rodata_end[];
extern uint8_t ec_data_start[];
extern uint8_t ec_bss_end[];
extern uint8_t ec_free_memory_start[];
extern uint8_t ec_stack_limit[];

uint8_t *ec_port_memory(size_t bytes, size_t alignment) {
    const size_t misaligned = (uintptr_t)ec_free_memory_start & (alignment - 1u);
    const size_t skipped = misaligned == 0 ? 0 : alignment - misaligned;
    const size_t free_bytes = (size_t)(ec_stack_limit - ec_free_memory_start);
    return bytes <= free_bytes && skipped <= free_bytes - bytes ? ec_free_memory_start + skipped : NULL;
}

uint8_t *ec_port_stack_limit(void) { return ec_stack_limit; }

size_t ec_port_constants(const uint8_t **start) {
    *start = ec_rodata_start;
    return (size_t)(ec_rodata_end - ec_rodata_start);
}

size_t ec_port_code(const uint8_t **start) {
    *start = ec_text_start;
    return (size_t)(ec_text_end - ec_text_start);
}

uint32_t ec_port_static_bytes(void) { return (uint32_t)(ec_bss_end - ec_data_start); }
