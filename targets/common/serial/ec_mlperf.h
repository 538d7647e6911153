/* ec_mlperf.h - the text protocol of the MLPerf Tiny runner (MLCommons, "MLPerf Tiny Inference Rules"; EEMBC EnergyRunner):
 * commands end with '%', every answer ends with the line "m-ready". docs/serial_protocol.md lists them. */
#ifndef EC_MLPERF_H
#define EC_MLPERF_H

#include <stdint.h>

/* Says that the device is there. */
void ec_mlperf_start(void);

/* Takes a byte that belongs to no frame; 1 where it ended a command, which was carried out, else 0. */
int ec_mlperf_take(uint8_t byte);

/* Forgets a command that has begun: a frame came in its place. */
void ec_mlperf_reset(void);

#endif
