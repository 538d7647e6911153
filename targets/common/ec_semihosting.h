/* ec_semihosting.h - the trap through which a program under an emulator or debugger asks its host for a service. */
#ifndef EC_SEMIHOSTING_H
#define EC_SEMIHOSTING_H

#include <stdint.h>

/* Operation numbers of "Semihosting for AArch32 and AArch64", section 5; RISC-V uses the same. */
enum {
    EC_SYS_OPEN = 0x01,
    EC_SYS_CLOSE = 0x02,
    EC_SYS_WRITE0 = 0x04,
    EC_SYS_WRITE = 0x05,
    EC_SYS_READ = 0x06,
    EC_SYS_EXIT_EXTENDED = 0x20
};

/* Supplied by the architecture's start-up: performs the trap and returns the host's answer. */
intptr_t ec_semihosting_call(uintptr_t operation, const void *argument);

#endif
