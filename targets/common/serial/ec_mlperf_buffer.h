/* ec_mlperf_buffer.h - the command "db" of the text protocol: it fills and shows the model's input. */
#ifndef EC_MLPERF_BUFFER_H
#define EC_MLPERF_BUFFER_H

#include <stdint.h>

/* Carries out what stands behind "db". */
void ec_mlperf_buffer_command(char *rest);

/* CRC-32 of the input that was loaded. */
uint32_t ec_mlperf_buffer_crc(void);

#endif
