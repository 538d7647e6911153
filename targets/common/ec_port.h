/* ec_port.h - what a harness needs beside the model: files, messages, an end, memory.
 *
 * Files lie in the runner's working folder; an image for a serial line has none. Start-up supplies the stack pointer and the restart,
 * memory.c what the linker script tells. */
#ifndef EC_PORT_H
#define EC_PORT_H

#include <stddef.h>
#include <stdint.h>

typedef int32_t ec_file; /* negative: could not be opened */

ec_file ec_port_open_read(const char *name);
ec_file ec_port_open_write(const char *name);

/* Move exactly `bytes` bytes; 0 where all of them went, else -1. */
int ec_port_read(ec_file file, void *to, size_t bytes);
int ec_port_write(ec_file file, const void *from, size_t bytes);

/* Flushes the file and closes it; 0, or -1 where data was lost. */
int ec_port_close(ec_file file);

/* Shows a line to the person who started the run; `text` carries its own line end. */
void ec_port_print(const char *text);

/* Ends the run; does not return on any port. */
void ec_port_exit(int code);

/* Memory for the model's arena, asked for once; NULL where it does not fit. `alignment` is a power of two. */
uint8_t *ec_port_memory(size_t bytes, size_t alignment);

/* Lowest address of the stack, NULL where the port does not know; the stack grows down to it. */
uint8_t *ec_port_stack_limit(void);

/* The caller's stack pointer. */
uint8_t *ec_port_stack_pointer(void);

/* Begins anew as after reset; does not return. */
void ec_port_restart(void);

/* Constants, weights among them, and code as they lie in the image: their size, 0 where the port cannot tell. */
size_t ec_port_constants(const uint8_t **start);
size_t ec_port_code(const uint8_t **start);

/* Bytes of .data and .bss, 0 where the port cannot tell. */
uint32_t ec_port_static_bytes(void);

#endif
