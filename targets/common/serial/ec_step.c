/* ec_step.c - see ec_step.h. */
#include "ec_step.h"

#include "ec_answer.h"
#include "ec_board.h"
#include "ec_clock.h"
#include "ec_engine.h"
#include "ec_protocol.h"

static struct {
    uint32_t session;
    uint32_t run;
    uint32_t layer; /* the run is stopped after */
    const uint8_t *output;
    uint32_t output_bytes;
    uint16_t sequence;
    uint8_t leaving; /* 1: the host went on to something else; the run goes to its end */
} step;

typedef enum { STAY, GO_ON, LEAVE } decision;

void ec_step_begin(uint32_t session, uint32_t run, uint16_t sequence) {
    step.session = session;
    step.run = run;
    step.sequence = sequence;
    step.leaving = 0;
}

uint16_t ec_step_end(void) { return step.sequence; }

static uint8_t output_byte(uint32_t at) { return step.output[at]; }

static void say_stopped(void) { ec_answer_stopped(step.sequence, step.run, step.layer, step.output_bytes); }

static int is_of_this_run(const ec_decoder *request) {
    return request->length >= 8u && ec_frame_u32(request->payload) == step.session && ec_frame_u32(request->payload + 4) == step.run;
}

/* Whether the host has gone on to something else; a frame that merely comes late is none of that. */
static int is_newer(const ec_decoder *request) {
    if (request->type == EC_HELLO) {
        return request->length == EC_HELLO_BYTES && ec_frame_u32(request->payload) != step.session;
    }
    if (request->length < 8u || (request->type != EC_LOAD && request->type != EC_PAINT)) {
        return 0;
    }
    const uint32_t run = ec_frame_u32(request->payload + (request->type == EC_LOAD ? 0 : 4));
    return run != step.run && run - step.run < 0x80000000u;
}

static decision take_request(const ec_decoder *request) {
    if (!is_of_this_run(request)) {
        return is_newer(request) ? LEAVE : STAY;
    }
    if (request->type == EC_READ && request->length == EC_READ_BYTES && request->payload[8] == EC_REGION_LAYER) {
        ec_answer_read(request, step.output_bytes, output_byte);
        return STAY;
    }
    if (request->type == EC_CONTINUE && request->length == EC_CONTINUE_BYTES) {
        step.sequence = request->sequence;
        if (ec_frame_u32(request->payload + 8) == step.layer) {
            return GO_ON;
        }
        say_stopped(); /* the answer to an earlier one was lost */
        return STAY;
    }
    if (request->type == EC_INFER && request->length == EC_INFER_BYTES) {
        step.sequence = request->sequence;
        say_stopped();
    }
    return STAY;
}

void ec_engine_observer(void *user, uint32_t layer, const void *output, size_t output_bytes) {
    ec_decoder decoder = {0};
    (void)user;
    if (step.leaving) {
        return;
    }
    step.layer = layer;
    step.output = output;
    step.output_bytes = (uint32_t)output_bytes;
    say_stopped();
    decision decided = STAY;
    while (decided == STAY) {
        const int byte = ec_board_serial_get();
        (void)ec_clock_cycles();
        if (byte >= 0 && ec_decoder_take(&decoder, (uint8_t)byte) == EC_FRAME_COMPLETE) {
            decided = take_request(&decoder);
        }
    }
    step.leaving = decided == LEAVE;
}
