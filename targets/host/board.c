/* board.c - the host: memory from the heap, no measured stack. */
#define _POSIX_C_SOURCE 200112L /* posix_memalign */
#include <stdlib.h>

#include "ec_port.h"

uint8_t *ec_port_memory(size_t bytes, size_t alignment) {
    const size_t whole = alignment < sizeof(void *) ? sizeof(void *) : alignment;
    void *memory = NULL;
    return posix_memalign(&memory, whole, bytes) == 0 ? memory : NULL; /* to the byte, so that sanitizers see its end */
}

uint8_t *ec_port_stack_limit(void) { return NULL; }

uint8_t *ec_port_stack_pointer(void) { return NULL; }

size_t ec_port_constants(const uint8_t **start) {
    *start = NULL;
    return 0;
}

size_t ec_port_code(const uint8_t **start) { return ec_port_constants(start); }

uint32_t ec_port_static_bytes(void) { return 0; }
