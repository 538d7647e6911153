/* harness.c - runs one model over the samples of input.bin; knows no model and no board.
 *
 * Reads  input.bin   16-byte header (struct input_header, little-endian), then the rehearsal samples, then the samples;
 *                    a sample is the model's inputs one after the other.
 * Writes output.bin  the model's outputs one after the other, sample by sample.
 *        trace.bin   with FLAG_TRACE: for each sample and layer two words (layer, bytes) and the layer's output.
 *        stats.txt   key=value lines, written last: its presence says that the run reached its end.
 *
 * Rehearsals measure memory and leave no output. Before each one the arena is painted, with another colour every time,
 * and the free stack is painted; afterwards the paint that is gone tells how much was used. A model whose output depends
 * on the colour reads arena bytes that it never wrote.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "ec_harness.h"
#include "ec_mark.h"
#include "ec_port.h"

#define HEADER_MAGIC 0x31434345u /* "ECC1" */
#define FLAG_TRACE 1u
#if defined(__SANITIZE_ADDRESS__)
#define GUARD_BYTES 0u /* the sanitizer guards the end of the arena itself, reads included */
#else
#define GUARD_BYTES 64u /* painted behind the arena */
#endif
#define STACK_MARGIN_BYTES 64u /* left unpainted below the stack pointer, for the painter itself */
#define ARENA_PAINT 0xA5u
#define STACK_PAINT 0xC3u

struct input_header {
    uint32_t magic;
    uint32_t flags;
    uint32_t rehearsals;
    uint32_t samples;
};

struct measurement {
    size_t arena_used_bytes;
    size_t stack_bytes;
    uint32_t output_hash;
    uint32_t uninitialised_reads; /* 1: outputs of two rehearsals differ */
    uint32_t arena_overrun;       /* 1: bytes behind the arena were written */
};

static void fail(const char *message) {
    ec_port_print(message);
    ec_port_exit(1);
}

static void trace_layer(void *user, uint32_t layer, const void *output, size_t output_bytes) {
    const ec_file *file = user;
    const uint32_t head[2] = {layer, (uint32_t)output_bytes};
    if (ec_port_write(*file, head, sizeof head) != 0 || ec_port_write(*file, output, output_bytes) != 0) {
        fail("harness: cannot write trace.bin\n");
    }
}

static void read_inputs(const ec_context *context, ec_file file) {
    for (uint32_t i = 0; i < ec_harness_model->input_count; i++) {
        const ec_tensor *input = &ec_harness_model->inputs[i];
        if (ec_port_read(file, context->arena + input->arena_offset, input->bytes) != 0) {
            fail("harness: input.bin ends early\n");
        }
    }
}

static void write_outputs(const ec_context *context, ec_file file) {
    for (uint32_t i = 0; i < ec_harness_model->output_count; i++) {
        const ec_tensor *output = &ec_harness_model->outputs[i];
        if (ec_port_write(file, context->arena + output->arena_offset, output->bytes) != 0) {
            fail("harness: cannot write output.bin\n");
        }
    }
}

static uint32_t hash_outputs(const ec_context *context) {
    uint32_t hash = 2166136261u; /* FNV-1a */
    for (uint32_t i = 0; i < ec_harness_model->output_count; i++) {
        const ec_tensor *output = &ec_harness_model->outputs[i];
        for (uint32_t k = 0; k < output->bytes; k++) {
            hash = (hash ^ context->arena[output->arena_offset + k]) * 16777619u;
        }
    }
    return hash;
}

static uint8_t *take_arena(void) {
    uint8_t *arena = ec_port_memory(ec_harness_model->arena_bytes + GUARD_BYTES, ec_harness_model->arena_alignment);
    if (arena == NULL) {
        fail("harness: the arena does not fit the board's RAM\n");
    }
    return arena;
}

static void init_model(ec_context *context, uint8_t *arena) {
    memset(context, 0, sizeof *context);
    if (ec_harness_model->init(context, arena, ec_harness_model->arena_bytes) != EC_OK) {
        fail("harness: the model refused its arena\n");
    }
}

/* Runs the model and returns the bytes of stack it took, 0 where the port does not know its stack. */
__attribute__((noinline)) static size_t run_on_painted_stack(ec_context *context) {
    volatile uint8_t *limit = ec_port_stack_limit();
    if (limit == NULL) {
        ec_harness_model->run(context);
        return 0;
    }
    const uint8_t *top = ec_port_stack_pointer();
    for (volatile uint8_t *p = limit; p < top - STACK_MARGIN_BYTES; p++) {
        *p = STACK_PAINT;
    }
    ec_harness_model->run(context);
    volatile uint8_t *lowest = limit;
    while (lowest < top - STACK_MARGIN_BYTES && *lowest == STACK_PAINT) {
        lowest++;
    }
    return (size_t)(top - (const uint8_t *)lowest);
}

static void rehearse(uint8_t *arena, ec_file input, uint32_t index, struct measurement *found) {
    const uint8_t paint = (uint8_t)((index & 1u) == 0 ? ARENA_PAINT : ~ARENA_PAINT);
    const size_t arena_bytes = ec_harness_model->arena_bytes;
    ec_context context;
    memset(arena, paint, arena_bytes + GUARD_BYTES);
    init_model(&context, arena);
    read_inputs(&context, input);
    const size_t stack_bytes = run_on_painted_stack(&context);
    size_t used = arena_bytes;
    while (used > 0 && arena[used - 1] == paint) {
        used--;
    }
    for (size_t i = GUARD_BYTES; i > 0; i--) {
        found->arena_overrun |= arena[arena_bytes + i - 1] != paint ? 1u : 0u;
    }
    const uint32_t hash = hash_outputs(&context);
    found->uninitialised_reads |= index > 0 && hash != found->output_hash ? 1u : 0u;
    found->output_hash = hash;
    found->arena_used_bytes = used > found->arena_used_bytes ? used : found->arena_used_bytes;
    found->stack_bytes = stack_bytes > found->stack_bytes ? stack_bytes : found->stack_bytes;
}

static void run_sample(ec_context *context, ec_file input, ec_file output) {
    read_inputs(context, input);
    ec_mark(NULL, 0, NULL, 0);
    ec_harness_model->run(context);
    ec_mark(NULL, 0, NULL, 0);
    write_outputs(context, output);
}

static void write_stat(ec_file file, const char *key, size_t value) {
    char digits[24]; /* 20 digits hold any 64-bit value */
    size_t at = sizeof digits;
    digits[--at] = '\n';
    do {
        digits[--at] = (char)('0' + (int)(value % 10u));
        value /= 10u;
    } while (value != 0);
    digits[--at] = '=';
    if (ec_port_write(file, key, strlen(key)) != 0 || ec_port_write(file, digits + at, sizeof digits - at) != 0) {
        fail("harness: cannot write stats.txt\n");
    }
}

static void write_stats(const struct measurement *found, uint32_t samples) {
    const ec_file file = ec_port_open_write("stats.txt");
    if (file < 0) {
        fail("harness: cannot open stats.txt\n");
    }
    write_stat(file, "samples", samples);
    write_stat(file, "arena_bytes", ec_harness_model->arena_bytes);
    write_stat(file, "arena_used_bytes", found->arena_used_bytes);
    write_stat(file, "arena_overrun", found->arena_overrun);
    write_stat(file, "uninitialised_reads", found->uninitialised_reads);
    write_stat(file, "stack_bytes", found->stack_bytes);
    if (ec_port_close(file) != 0) {
        fail("harness: cannot write stats.txt\n");
    }
}

int main(void) {
    const ec_file input = ec_port_open_read("input.bin");
    const ec_file output = ec_port_open_write("output.bin");
    struct input_header header = {0, 0, 0, 0};
    if (input < 0 || output < 0 || ec_port_read(input, &header, sizeof header) != 0 || header.magic != HEADER_MAGIC) {
        fail("harness: no valid input.bin, or no output.bin\n");
    }
    uint8_t *arena = take_arena();
    struct measurement found = {0, 0, 0, 0, 0};
    for (uint32_t i = 0; i < header.rehearsals; i++) {
        rehearse(arena, input, i, &found);
    }
    ec_context context;
    init_model(&context, arena);
    context.observer = ec_mark;
    ec_file trace = -1;
    if ((header.flags & FLAG_TRACE) != 0) {
        trace = ec_port_open_write("trace.bin");
        context.observer = trace_layer;
        context.observer_user = &trace;
    }
    for (uint32_t i = 0; i < header.samples; i++) {
        run_sample(&context, input, output);
    }
    if (ec_port_close(output) != 0 || (trace >= 0 && ec_port_close(trace) != 0)) {
        fail("harness: cannot write output.bin or trace.bin\n");
    }
    write_stats(&found, header.samples);
    ec_port_exit(0);
    return 0;
}
