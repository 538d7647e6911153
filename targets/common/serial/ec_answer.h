/* ec_answer.h - answers that several parts of the server give. */
#ifndef EC_ANSWER_H
#define EC_ANSWER_H

#include <stdint.h>

#include "ec_frame.h"

void ec_answer_error(uint16_t sequence, uint8_t code, uint32_t detail);

/* Says why the firmware has ended. */
void ec_answer_fault(uint16_t sequence, const char *text);

void ec_answer_running(uint16_t sequence, uint32_t run);

/* The run has stopped after `layer`, whose output has `bytes` bytes. */
void ec_answer_stopped(uint16_t sequence, uint32_t run, uint32_t layer, uint32_t bytes);

/* The run has ended; the first `output_bytes` of its output follow, which `byte_at` gives one by one. */
void ec_answer_done(uint16_t sequence, uint32_t run, uint64_t cycles, uint32_t output_bytes, uint8_t (*byte_at)(uint32_t at));

/* Answers EC_READ: bytes of a region of `region_bytes`, which `byte_at` gives one by one, in as many frames as the request wants. */
void ec_answer_read(const ec_decoder *request, uint32_t region_bytes, uint8_t (*byte_at)(uint32_t at));

#endif
