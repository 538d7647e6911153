/* ec_step.h - a run that stops after every layer, so that the host can read the layer's output while it is there. */
#ifndef EC_STEP_H
#define EC_STEP_H

#include <stdint.h>

/* The run `run` of `session` starts; its answers go to the request `sequence`. */
void ec_step_begin(uint32_t session, uint32_t run, uint16_t sequence);

/* The run has ended; the request its answer goes to. */
uint16_t ec_step_end(void);

#endif
