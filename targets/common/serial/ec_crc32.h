/* ec_crc32.h - CRC-32 as in IEEE 802.3 (reflected polynomial 0xEDB88320), the one of zlib and PNG. */
#ifndef EC_CRC32_H
#define EC_CRC32_H

#include <stddef.h>
#include <stdint.h>

/* The CRC of what `crc` is the CRC of, followed by `bytes` bytes; of nothing it is 0. */
uint32_t ec_crc32(uint32_t crc, const void *data, size_t bytes);

#endif
