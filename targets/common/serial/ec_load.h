/* ec_load.h - the input on its way into the arena, and the number of the run it is for. */
#ifndef EC_LOAD_H
#define EC_LOAD_H

#include <stdint.h>

#include "ec_frame.h"

/* A host has come; its runs count up from `before_first`. Until then nothing is taken. */
void ec_load_open(uint32_t before_first);

/* Takes a byte of an EC_LOAD, or its end: EC_FRAME_PAYLOAD or EC_FRAME_COMPLETE. */
void ec_load_take(const ec_decoder *frame, ec_frame_event event, uint8_t byte);

/* Begins a run in an arena filled with `colour`, unless the run has begun already. */
void ec_load_paint(uint32_t run, uint8_t colour);

/* The input is no longer that of the run. */
void ec_load_forget(void);

/* The run that input and output belong to; it counts up, so that a frame that comes late is known. */
uint32_t ec_load_run(void);

/* Bytes of its input that have come, from the first. */
uint32_t ec_load_bytes(void);

/* 1: the input is whole. */
int ec_load_is_whole(void);

#endif
