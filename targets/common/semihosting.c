/* semihosting.c - the port's files, messages and end by semihosting. */
#include <string.h>

#include "ec_port.h"
#include "ec_semihosting.h"

#define MODE_READ_BINARY 1u
#define MODE_WRITE_BINARY 5u
#define STOPPED_APPLICATION_EXIT 0x20026u

static ec_file open_file(const char *name, uintptr_t mode) {
    const uintptr_t block[3] = {(uintptr_t)name, mode, strlen(name)};
    return (ec_file)ec_semihosting_call(EC_SYS_OPEN, block);
}

ec_file ec_port_open_read(const char *name) { return open_file(name, MODE_READ_BINARY); }

ec_file ec_port_open_write(const char *name) { return open_file(name, MODE_WRITE_BINARY); }

int ec_port_read(ec_file file, void *to, size_t bytes) {
    const uintptr_t block[3] = {(uintptr_t)file, (uintptr_t)to, bytes};
    return ec_semihosting_call(EC_SYS_READ, block) == 0 ? 0 : -1; /* answers the bytes not read */
}

int ec_port_write(ec_file file, const void *from, size_t bytes) {
    const uintptr_t block[3] = {(uintptr_t)file, (uintptr_t)from, bytes};
    return ec_semihosting_call(EC_SYS_WRITE, block) == 0 ? 0 : -1; /* answers the bytes not written */
}

int ec_port_close(ec_file file) {
    const uintptr_t block[1] = {(uintptr_t)file};
    return ec_semihosting_call(EC_SYS_CLOSE, block) == 0 ? 0 : -1;
}

void ec_port_print(const char *text) { (void)ec_semihosting_call(EC_SYS_WRITE0, text); }

void ec_port_exit(int code) {
    const uintptr_t block[2] = {STOPPED_APPLICATION_EXIT, (uintptr_t)code};
    (void)ec_semihosting_call(EC_SYS_EXIT_EXTENDED, block);
    for (;;) {
    }
}
