/* ec_engine.h - the model at work: its arena, its input, its runs and what they take. Knows no line and no protocol. */
#ifndef EC_ENGINE_H
#define EC_ENGINE_H

#include <stddef.h>
#include <stdint.h>

#include "ec_harness.h"

typedef enum {
    EC_RUN_DONE = 0,
    EC_RUN_NO_ARENA = 1,   /* the arena does not fit the board's RAM, or the model refused it */
    EC_RUN_NO_INPUT = 2,   /* not all of the input has been loaded */
    EC_RUN_INPUT_GONE = 3, /* a run overwrote the input, and RAM has no room for a copy */
    EC_RUN_OTHER_INPUT = 4 /* the input's CRC is not the one expected */
} ec_run_status;

/* How a run is observed. */
typedef enum {
    EC_RUN_PLAIN,    /* by ec_mark alone, for a profiler outside */
    EC_RUN_COUNTED,  /* cycles of every layer */
    EC_RUN_MEASURED, /* the stack, and the arena if it is painted */
    EC_RUN_OBSERVED  /* by `ec_engine_observer` */
} ec_run_kind;

/* What the last runs took. */
typedef struct {
    uint64_t cycles; /* from call to return, summed over `ec_engine_run`'s repeats; 0 without a counter */
    uint32_t repeats;
    uint32_t stack_bytes;      /* of a measured run; 0 where the board does not know its stack */
    uint32_t arena_used_bytes; /* of a measured run in a painted arena: highest byte changed, plus one */
    uint8_t arena_overrun;     /* 1: bytes behind the arena were written */
    uint8_t has_output;        /* 0 from the first byte of another input on */
} ec_run_result;

/* Takes the memory. To be called once. */
void ec_engine_init(void);

/* Sizes over all inputs and outputs; bytes of RAM the harness itself took behind the arena. */
uint32_t ec_engine_input_bytes(void);
uint32_t ec_engine_output_bytes(void);
uint32_t ec_engine_extra_bytes(void);
int ec_engine_has_arena(void);
int ec_engine_keeps_input(void); /* 1: there is room for a copy of the input, so that it can be run again */

/* Forgets input and output; with `paint`, fills the arena with `colour`. */
void ec_engine_clear(int paint, uint8_t colour);

/* Writes byte `offset` < input_bytes of the input, straight into the arena. The output is gone with the first. */
void ec_engine_write_input(uint32_t offset, uint8_t byte);

/* Byte `offset` < input_bytes of the input as it was loaded, as far as it is still there. */
uint8_t ec_engine_input(uint32_t offset);

/* The input is whole. */
void ec_engine_input_loaded(void);

/* CRC-32 of the input as it lies in the arena. */
uint32_t ec_engine_input_crc(void);

/* Runs the model `repeats` times over the loaded input, which must have the CRC `input_crc`. */
ec_run_status ec_engine_run(ec_run_kind kind, uint32_t repeats, uint32_t input_crc);

const ec_run_result *ec_engine_result(void);

/* Byte `offset` < output_bytes of the outputs, one after the other. */
uint8_t ec_engine_output(uint32_t offset);

/* Cycles of each layer in the last counted run. */
const uint32_t *ec_engine_layer_cycles(void);

/* Called after each layer of an observed run; supplied by the server. */
void ec_engine_observer(void *user, uint32_t layer, const void *output, size_t output_bytes);

#endif
