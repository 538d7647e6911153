/* ec_engine.c - see ec_engine.h. Memory, from the start of what is free: arena, guard, cycles of the layers, copy of the input. */
#include "ec_engine.h"

#include <string.h>

#include "ec_clock.h"
#include "ec_crc32.h"
#include "ec_mark.h"
#include "ec_port.h"

#define GUARD_BYTES 32u        /* painted behind the arena */
#define STACK_MARGIN_BYTES 64u /* left unpainted below the stack pointer, for the painter itself */
#define STACK_PAINT 0xC3u

typedef enum { INPUT_ABSENT, INPUT_FRESH, INPUT_USED } input_state;

static struct {
    ec_context context;
    uint32_t *layer_cycles;
    uint8_t *copy; /* NULL where RAM has no room */
    uint32_t extra_bytes;
    uint64_t last_mark;
    ec_run_result result;
    uint8_t input;   /* an input_state */
    uint8_t painted; /* 1: the arena has `colour` where nothing was written since */
    uint8_t colour;
} engine;

static uint32_t total_bytes(const ec_tensor *tensors, uint32_t count) {
    uint32_t bytes = 0;
    for (uint32_t i = 0; i < count; i++) {
        bytes += tensors[i].bytes;
    }
    return bytes;
}

/* Where byte `offset` lies of tensors that follow one another. */
static uint8_t *locate(const ec_tensor *tensor, uint32_t offset) {
    while (offset >= tensor->bytes) {
        offset -= tensor->bytes;
        tensor++;
    }
    return engine.context.arena + tensor->arena_offset + offset;
}

uint32_t ec_engine_input_bytes(void) { return total_bytes(ec_harness_model->inputs, ec_harness_model->input_count); }

uint32_t ec_engine_output_bytes(void) { return total_bytes(ec_harness_model->outputs, ec_harness_model->output_count); }

uint32_t ec_engine_extra_bytes(void) { return engine.extra_bytes; }

int ec_engine_has_arena(void) { return engine.context.arena != NULL; }

int ec_engine_keeps_input(void) { return engine.copy != NULL; }

const ec_run_result *ec_engine_result(void) { return &engine.result; }

const uint32_t *ec_engine_layer_cycles(void) { return engine.layer_cycles; }

uint8_t ec_engine_output(uint32_t offset) { return *locate(ec_harness_model->outputs, offset); }

void ec_engine_init(void) {
    const size_t arena_bytes = (ec_harness_model->arena_bytes + 3u) & ~(size_t)3u;
    const size_t needed = GUARD_BYTES + sizeof(uint32_t) * ec_harness_model->layer_count;
    const size_t wanted = needed + ec_engine_input_bytes();
    const size_t alignment = ec_harness_model->arena_alignment < 4u ? 4u : ec_harness_model->arena_alignment;
    memset(&engine, 0, sizeof engine);
    uint8_t *memory = ec_port_memory(arena_bytes + wanted, alignment);
    const int with_copy = memory != NULL;
    if (!with_copy) {
        memory = ec_port_memory(arena_bytes + needed, alignment);
    }
    if (memory == NULL || ec_harness_model->init(&engine.context, memory, ec_harness_model->arena_bytes) != EC_OK) {
        engine.context.arena = NULL;
        return;
    }
    engine.layer_cycles = (uint32_t *)(void *)(memory + arena_bytes + GUARD_BYTES);
    memset(engine.layer_cycles, 0, sizeof(uint32_t) * ec_harness_model->layer_count);
    engine.copy = with_copy ? memory + arena_bytes + needed : NULL;
    engine.extra_bytes = (uint32_t)(with_copy ? wanted : needed);
}

void ec_engine_clear(int paint, uint8_t colour) {
    engine.input = INPUT_ABSENT;
    engine.result.has_output = 0;
    engine.painted = (uint8_t)(paint != 0 && engine.context.arena != NULL);
    if (engine.painted) {
        engine.colour = colour;
        memset(engine.context.arena, colour, ec_harness_model->arena_bytes + GUARD_BYTES);
    }
}

void ec_engine_write_input(uint32_t offset, uint8_t byte) {
    engine.input = INPUT_ABSENT;
    engine.result.has_output = 0;
    *locate(ec_harness_model->inputs, offset) = byte;
}

uint8_t ec_engine_input(uint32_t offset) {
    return engine.input == INPUT_USED && engine.copy != NULL ? engine.copy[offset] : *locate(ec_harness_model->inputs, offset);
}

void ec_engine_input_loaded(void) { engine.input = INPUT_FRESH; }

uint32_t ec_engine_input_crc(void) {
    uint32_t crc = 0;
    for (uint32_t i = 0; i < ec_harness_model->input_count; i++) {
        const ec_tensor *input = &ec_harness_model->inputs[i];
        crc = ec_crc32(crc, engine.context.arena + input->arena_offset, input->bytes);
    }
    return crc;
}

static void copy_input(int restore) {
    uint8_t *copy = engine.copy;
    for (uint32_t i = 0; i < ec_harness_model->input_count; i++) {
        const ec_tensor *input = &ec_harness_model->inputs[i];
        uint8_t *original = engine.context.arena + input->arena_offset;
        memcpy(restore ? original : copy, restore ? copy : original, input->bytes);
        copy += input->bytes;
    }
}

/* Puts the input back where a run left another, and checks that it is the one expected. */
static ec_run_status prepare(uint32_t input_crc) {
    if (engine.input == INPUT_USED && engine.copy != NULL) {
        copy_input(1);
    }
    if (ec_engine_input_crc() != input_crc) {
        return engine.input == INPUT_FRESH || engine.copy != NULL ? EC_RUN_OTHER_INPUT : EC_RUN_INPUT_GONE;
    }
    if (engine.input == INPUT_FRESH && engine.copy != NULL) {
        copy_input(0);
    }
    engine.input = INPUT_USED;
    return EC_RUN_DONE;
}

static void count_layer(void *user, uint32_t layer, const void *output, size_t output_bytes) {
    (void)user;
    (void)output;
    (void)output_bytes;
    const uint64_t now = ec_clock_cycles();
    if (layer < ec_harness_model->layer_count) {
        engine.layer_cycles[layer] = (uint32_t)(now - engine.last_mark);
    }
    engine.last_mark = now;
}

/* Runs the model and returns the bytes of stack it took, 0 where the port does not know its stack. */
__attribute__((noinline)) static uint32_t run_on_painted_stack(void) {
    volatile uint8_t *limit = ec_port_stack_limit();
    if (limit == NULL) {
        ec_harness_model->run(&engine.context);
        return 0;
    }
    const uint8_t *top = ec_port_stack_pointer();
    for (volatile uint8_t *p = limit; p < top - STACK_MARGIN_BYTES; p++) {
        *p = STACK_PAINT;
    }
    ec_harness_model->run(&engine.context);
    volatile uint8_t *lowest = limit;
    while (lowest < top - STACK_MARGIN_BYTES && *lowest == STACK_PAINT) {
        lowest++;
    }
    return (uint32_t)(top - (const uint8_t *)lowest);
}

static void read_paint(void) {
    uint32_t used = ec_harness_model->arena_bytes;
    while (used > 0 && engine.context.arena[used - 1u] == engine.colour) {
        used--;
    }
    engine.result.arena_used_bytes = used;
    for (uint32_t i = 0; i < GUARD_BYTES; i++) {
        engine.result.arena_overrun |= engine.context.arena[ec_harness_model->arena_bytes + i] != engine.colour ? 1u : 0u;
    }
}

static void run_once(ec_run_kind kind) {
    static const ec_observer observers[] = {ec_mark, count_layer, NULL, ec_engine_observer};
    engine.context.observer = observers[kind];
    if (kind == EC_RUN_MEASURED) {
        engine.result.stack_bytes = run_on_painted_stack();
        if (engine.painted) {
            read_paint();
        }
        return;
    }
    const uint64_t start = engine.last_mark = ec_clock_cycles();
    if (kind == EC_RUN_PLAIN) {
        ec_mark(NULL, 0, NULL, 0);
    }
    ec_harness_model->run(&engine.context);
    if (kind == EC_RUN_PLAIN) {
        ec_mark(NULL, 0, NULL, 0);
    }
    engine.result.cycles += ec_clock_cycles() - start;
}

ec_run_status ec_engine_run(ec_run_kind kind, uint32_t repeats, uint32_t input_crc) {
    if (engine.context.arena == NULL) {
        return EC_RUN_NO_ARENA;
    }
    memset(&engine.result, 0, sizeof engine.result);
    if (engine.input == INPUT_ABSENT) {
        return EC_RUN_NO_INPUT;
    }
    for (uint32_t i = 0; i < repeats; i++) {
        const ec_run_status status = prepare(input_crc);
        if (status != EC_RUN_DONE) {
            return status;
        }
        run_once(kind);
        engine.painted = 0;
    }
    engine.result.repeats = repeats;
    engine.result.has_output = repeats > 0;
    return EC_RUN_DONE;
}
