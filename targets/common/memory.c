/* memory.c - memory of a linked image: what is free lies between .bss and the stack. */
#include "ec_port.h"

/* Defined by the board's linker script. */
extern uint8_t ec_free_memory_start[];
extern uint8_t ec_stack_limit[];

uint8_t *ec_port_memory(size_t bytes, size_t alignment) {
    const size_t misaligned = (uintptr_t)ec_free_memory_start & (alignment - 1u);
    const size_t skipped = misaligned == 0 ? 0 : alignment - misaligned;
    const size_t free_bytes = (size_t)(ec_stack_limit - ec_free_memory_start);
    return bytes <= free_bytes && skipped <= free_bytes - bytes ? ec_free_memory_start + skipped : NULL;
}

uint8_t *ec_port_stack_limit(void) { return ec_stack_limit; }
