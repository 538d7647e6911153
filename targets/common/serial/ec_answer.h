/* ec_answer.h - answers that several parts of the server give. */
#ifndef EC_ANSWER_H
#define EC_ANSWER_H

#include <stdint.h>

#include "ec_frame.h"

void ec_answer_error(uint16_t sequence, uint8_t code, uint32_t detail);

/* Says why the firmware has ended. */
void ec_answer_fault(uint16_t sequence, const char *text);

/* How far a run is: `state` is EC_STATE_RUNNING or EC_STATE_STOPPED, then after `layer` with its output of `bytes`. */
void ec_answer_progress(uint16_t sequence, uint8_t state, uint32_t run, uint32_t layer, uint32_t bytes);

/* Answers EC_READ: bytes of a region of `region_bytes`, which `byte_at` gives one by one, in as many frames as the request wants. */
void ec_answer_read(const ec_decoder *request, uint32_t region_bytes, uint8_t (*byte_at)(uint32_t at));

#endif
