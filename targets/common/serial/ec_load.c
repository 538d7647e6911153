/* ec_load.c - see ec_load.h. */
#include "ec_load.h"

#include "ec_engine.h"
#include "ec_protocol.h"

static struct {
    uint32_t run;
    uint32_t bytes;
    uint8_t open;
    uint8_t writing; /* 1: the EC_LOAD being received is written into the arena */
} load;

uint32_t ec_load_run(void) { return load.run; }

uint32_t ec_load_bytes(void) { return load.bytes; }

int ec_load_is_whole(void) { return load.bytes == ec_engine_input_bytes(); }

void ec_load_forget(void) { load.bytes = 0; }

void ec_load_open(uint32_t before_first) {
    load.open = 1;
    load.run = before_first;
    load.bytes = 0;
    ec_engine_clear(0, 0);
}

static int is_newer(uint32_t run) { return run != load.run && run - load.run < 0x80000000u; }

void ec_load_paint(uint32_t run, uint8_t colour) {
    if (is_newer(run)) {
        load.run = run;
        load.bytes = 0;
        ec_engine_clear(1, colour);
    }
}

/* Whether the data behind the fields of an EC_LOAD continue the input. Nothing of the frame is to be trusted yet. */
static int continues_input(const ec_decoder *frame) {
    const uint32_t run = ec_frame_u32(frame->payload);
    const uint32_t offset = ec_frame_u32(frame->payload + 4);
    const int is_first = offset == 0 && is_newer(run);
    if (!load.open || !ec_engine_has_arena()) {
        return 0;
    }
    if (is_first) {
        load.bytes = 0;
    }
    const uint32_t missing = ec_engine_input_bytes() - load.bytes;
    return (is_first || run == load.run) && offset == load.bytes && frame->length - (uint32_t)EC_LOAD_BYTES <= missing;
}

/* Part of the input goes to the arena as it comes; it counts once its frame has proven undamaged. */
void ec_load_take(const ec_decoder *frame, ec_frame_event event, uint8_t byte) {
    if (event == EC_FRAME_PAYLOAD && frame->payload_bytes == EC_LOAD_BYTES) {
        load.writing = (uint8_t)continues_input(frame);
    } else if (event == EC_FRAME_PAYLOAD && frame->payload_bytes > EC_LOAD_BYTES && load.writing) {
        ec_engine_write_input(load.bytes + frame->payload_bytes - (uint32_t)EC_LOAD_BYTES - 1u, byte);
    } else if (event == EC_FRAME_COMPLETE && load.writing) {
        load.writing = 0;
        if (frame->length > EC_LOAD_BYTES) {
            load.run = ec_frame_u32(frame->payload);
            load.bytes += frame->length - (uint32_t)EC_LOAD_BYTES;
        }
        if (ec_load_is_whole()) {
            ec_engine_input_loaded();
        }
    }
}
