/* ec_server.c - see ec_server.h. */
#include "ec_server.h"

#include <string.h>

#include "ec_answer.h"
#include "ec_board.h"
#include "ec_clock.h"
#include "ec_crc32.h"
#include "ec_engine.h"
#include "ec_load.h"
#include "ec_port.h"
#include "ec_protocol.h"
#include "ec_step.h"

#define HELLO_FIXED_BYTES 40u
#define MOST_OUTPUT_BYTES 0xFF00u
#define RECEIVER_BYTES 256u /* more than any UART buffers */

static uint32_t session; /* of the host that said hello; 0: none since start */

static void answer_hello(const ec_decoder *frame) {
    const char *const texts[3] = {ec_image_id, ec_harness_model->sha256, ec_harness_model->name};
    size_t text_bytes = 0;
    for (unsigned i = 0; i < 3u; i++) {
        text_bytes += strlen(texts[i]) + 1u;
    }
    if (session != ec_frame_u32(frame->payload)) {
        session = ec_frame_u32(frame->payload);
        ec_load_open(session);
    }
    const unsigned flags = (ec_clock_runs() ? EC_HAS_COUNTER : 0u) | (ec_engine_keeps_input() ? EC_KEEPS_INPUT : 0u) |
                           (ec_port_stack_limit() != NULL ? EC_KNOWS_STACK : 0u) | (ec_engine_has_arena() ? EC_HAS_ARENA : 0u);
    ec_encoder out;
    ec_encoder_begin(&out, EC_HELLO | EC_ANSWER, frame->sequence, (uint16_t)(HELLO_FIXED_BYTES + text_bytes));
    ec_encoder_put_u32(&out, EC_PROTOCOL_VERSION | flags << 8);
    ec_encoder_put_u32(&out, session);
    ec_encoder_put_u32(&out, EC_CLOCK_HZ);
    ec_encoder_put_u32(&out, EC_SERIAL_BAUD);
    ec_encoder_put_u32(&out, ec_engine_input_bytes());
    ec_encoder_put_u32(&out, ec_engine_output_bytes());
    ec_encoder_put_u32(&out, ec_harness_model->arena_bytes);
    ec_encoder_put_u32(&out, ec_harness_model->layer_count);
    ec_encoder_put_u32(&out, ec_port_static_bytes());
    ec_encoder_put_u32(&out, ec_engine_extra_bytes());
    for (unsigned i = 0; i < 3u; i++) {
        ec_encoder_put(&out, texts[i], strlen(texts[i]) + 1u);
    }
    ec_encoder_end(&out);
}

static void answer_status(const ec_decoder *frame) {
    ec_encoder out;
    ec_encoder_begin(&out, (uint8_t)(frame->type | EC_ANSWER), frame->sequence, 8); /* EC_STATUS or EC_PAINT */
    ec_encoder_put_u32(&out, ec_load_run());
    ec_encoder_put_u32(&out, ec_load_bytes());
    ec_encoder_end(&out);
}

static void paint(const ec_decoder *frame) {
    ec_load_paint(ec_frame_u32(frame->payload + 4), frame->payload[8]);
    answer_status(frame);
}

static ec_run_kind kind_of(uint16_t flags) {
    if ((flags & EC_INFER_MEASURE) != 0) {
        return EC_RUN_MEASURED;
    }
    if ((flags & EC_INFER_STEP) != 0) {
        return EC_RUN_OBSERVED;
    }
    return (flags & EC_INFER_COUNT) != 0 ? EC_RUN_COUNTED : EC_RUN_PLAIN;
}

static int has_result(void) { return ec_engine_result()->has_output && ec_load_is_whole(); }

static void infer(const ec_decoder *frame) {
    const uint32_t input_crc = ec_frame_u32(frame->payload + 8);
    const uint16_t repeats = ec_frame_u16(frame->payload + 12);
    const uint16_t flags = ec_frame_u16(frame->payload + 14);
    uint16_t sequence = frame->sequence;
    if (ec_frame_u32(frame->payload + 4) != ec_load_run() || !ec_load_is_whole()) {
        ec_answer_error(frame->sequence, EC_RUN_NO_INPUT, ec_load_bytes());
        return;
    }
    if (!ec_engine_result()->has_output) { /* else the answer was lost, and is given again */
        ec_step_begin(session, ec_load_run(), frame->sequence);
        ec_answer_running(frame->sequence, ec_load_run());
        const ec_run_status status = ec_engine_run(kind_of(flags), repeats, input_crc);
        sequence = ec_step_end();
        for (unsigned i = 0; i < RECEIVER_BYTES && ec_board_serial_get() >= 0; i++) {
            /* what came meanwhile came in part: no receiver holds more than its few bytes */
        }
        if (status != EC_RUN_DONE) {
            ec_answer_error(sequence, (uint8_t)status, 0);
            return;
        }
    }
    const uint32_t output_bytes = (flags & EC_INFER_OUTPUT) != 0 ? ec_engine_output_bytes() : 0u;
    ec_answer_done(sequence, ec_load_run(), ec_engine_result()->cycles, output_bytes < MOST_OUTPUT_BYTES ? output_bytes : MOST_OUTPUT_BYTES,
                   ec_engine_output);
}

/* Of a run that has ended: the answer to the last one was lost. */
static void continue_ended_run(const ec_decoder *frame) {
    if (ec_frame_u32(frame->payload + 4) != ec_load_run() || !has_result()) {
        ec_answer_error(frame->sequence, EC_BAD_RUN, ec_load_run());
    } else {
        ec_answer_done(frame->sequence, ec_load_run(), ec_engine_result()->cycles, 0, ec_engine_output);
    }
}

static uint8_t byte_of(uint32_t word, uint32_t at) { return (uint8_t)(word >> at % 4u * 8u); }

static uint8_t layer_cycles_byte(uint32_t at) { return byte_of(ec_engine_layer_cycles()[at / 4u], at); }

static uint8_t measures_byte(uint32_t at) {
    const ec_run_result *result = ec_engine_result();
    const uint32_t measures[EC_MEASURES_BYTES / 4u] = {result->repeats, result->stack_bytes, result->arena_used_bytes,
                                                       result->arena_overrun};
    return byte_of(measures[at / 4u], at);
}

static void read_region(const ec_decoder *frame) {
    if (ec_frame_u32(frame->payload + 4) != ec_load_run() || !has_result()) {
        ec_answer_error(frame->sequence, EC_BAD_RUN, ec_load_run());
        return;
    }
    switch (frame->payload[8]) {
    case EC_REGION_OUTPUT:
        ec_answer_read(frame, ec_engine_output_bytes(), ec_engine_output);
        break;
    case EC_REGION_LAYER_CYCLES:
        ec_answer_read(frame, ec_harness_model->layer_count * 4u, layer_cycles_byte);
        break;
    case EC_REGION_MEASURES:
        ec_answer_read(frame, EC_MEASURES_BYTES, measures_byte);
        break;
    default:
        ec_answer_error(frame->sequence, EC_BAD_RANGE, 0);
        break;
    }
}

static void answer_checksum(const ec_decoder *frame) {
    const uint8_t *start = NULL;
    const size_t bytes = frame->payload[4] == EC_SUM_CONSTANTS ? ec_port_constants(&start) : ec_port_code(&start);
    ec_encoder out;
    ec_encoder_begin(&out, EC_CHECKSUM | EC_ANSWER, frame->sequence, 12);
    ec_encoder_put_u32(&out, (uint32_t)(uintptr_t)start);
    ec_encoder_put_u32(&out, (uint32_t)bytes);
    ec_encoder_put_u32(&out, ec_crc32(0, start, bytes));
    ec_encoder_end(&out);
}

struct handler {
    uint8_t type;
    uint8_t length;
    void (*answer)(const ec_decoder *frame);
};

static void take_request(const ec_decoder *frame) {
    static const struct handler handlers[] = {
        {EC_STATUS, EC_STATUS_BYTES, answer_status},
        {EC_PAINT, EC_PAINT_BYTES, paint},
        {EC_INFER, EC_INFER_BYTES, infer},
        {EC_READ, EC_READ_BYTES, read_region},
        {EC_CHECKSUM, EC_CHECKSUM_BYTES, answer_checksum},
        {EC_CONTINUE, EC_CONTINUE_BYTES, continue_ended_run},
    };
    if (frame->type == EC_HELLO && frame->length == EC_HELLO_BYTES) {
        answer_hello(frame);
        return;
    }
    if (frame->type == EC_RESTART && frame->length == 0) {
        ec_port_restart();
    }
    for (size_t i = 0; i < sizeof handlers / sizeof handlers[0]; i++) {
        if (frame->type == handlers[i].type && frame->length == handlers[i].length) {
            if (session == 0 || ec_frame_u32(frame->payload) != session) {
                ec_answer_error(frame->sequence, EC_BAD_SESSION, session);
            } else {
                handlers[i].answer(frame);
            }
            return;
        }
    }
    ec_answer_error(frame->sequence, EC_BAD_REQUEST, frame->type);
}

void ec_server_take(const ec_decoder *frame, ec_frame_event event, uint8_t byte) {
    if (frame->type == EC_LOAD) {
        ec_load_take(frame, event, byte);
    } else if (event == EC_FRAME_COMPLETE) {
        take_request(frame);
    }
}
