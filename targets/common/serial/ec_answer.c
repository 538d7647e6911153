/* ec_answer.c - see ec_answer.h. */
#include "ec_answer.h"

#include <string.h>

#include "ec_protocol.h"

void ec_answer_error(uint16_t sequence, uint8_t code, uint32_t detail) {
    ec_encoder out;
    ec_encoder_begin(&out, EC_ERROR, sequence, 5);
    ec_encoder_put(&out, &code, 1);
    ec_encoder_put_u32(&out, detail);
    ec_encoder_end(&out);
}

void ec_answer_fault(uint16_t sequence, const char *text) {
    const size_t bytes = strlen(text);
    ec_encoder out;
    ec_encoder_begin(&out, EC_FAULT, sequence, (uint16_t)bytes);
    ec_encoder_put(&out, text, bytes);
    ec_encoder_end(&out);
}

static void put_bytes(ec_encoder *out, uint32_t offset, uint32_t bytes, uint8_t (*byte_at)(uint32_t at)) {
    for (uint32_t i = 0; i < bytes; i++) {
        const uint8_t byte = byte_at(offset + i);
        ec_encoder_put(out, &byte, 1);
    }
}

static void begin_state(ec_encoder *out, uint16_t sequence, uint8_t state, uint32_t run, uint16_t more_bytes) {
    ec_encoder_begin(out, EC_INFER | EC_ANSWER, sequence, (uint16_t)(5u + more_bytes));
    ec_encoder_put(out, &state, 1);
    ec_encoder_put_u32(out, run);
}

void ec_answer_running(uint16_t sequence, uint32_t run) {
    ec_encoder out;
    begin_state(&out, sequence, EC_STATE_RUNNING, run, 0);
    ec_encoder_end(&out);
}

void ec_answer_stopped(uint16_t sequence, uint32_t run, uint32_t layer, uint32_t bytes) {
    ec_encoder out;
    begin_state(&out, sequence, EC_STATE_STOPPED, run, 8);
    ec_encoder_put_u32(&out, layer);
    ec_encoder_put_u32(&out, bytes);
    ec_encoder_end(&out);
}

void ec_answer_done(uint16_t sequence, uint32_t run, uint64_t cycles, uint32_t output_bytes, uint8_t (*byte_at)(uint32_t at)) {
    ec_encoder out;
    begin_state(&out, sequence, EC_STATE_DONE, run, (uint16_t)(8u + output_bytes));
    ec_encoder_put_u32(&out, (uint32_t)cycles);
    ec_encoder_put_u32(&out, (uint32_t)(cycles >> 32));
    put_bytes(&out, 0, output_bytes, byte_at);
    ec_encoder_end(&out);
}

static void send_part(uint16_t sequence, uint32_t offset, uint32_t bytes, uint8_t (*byte_at)(uint32_t at)) {
    ec_encoder out;
    ec_encoder_begin(&out, EC_READ | EC_ANSWER, sequence, (uint16_t)(bytes + 4u));
    ec_encoder_put_u32(&out, offset);
    put_bytes(&out, offset, bytes, byte_at);
    ec_encoder_end(&out);
}

void ec_answer_read(const ec_decoder *request, uint32_t region_bytes, uint8_t (*byte_at)(uint32_t at)) {
    const uint32_t part_bytes = ec_frame_u16(request->payload + 10);
    const uint32_t offset = ec_frame_u32(request->payload + 12);
    const uint32_t bytes = ec_frame_u32(request->payload + 16);
    if (bytes == 0 || part_bytes == 0 || part_bytes > 0xFFFBu || offset > region_bytes || bytes > region_bytes - offset) {
        ec_answer_error(request->sequence, EC_BAD_RANGE, region_bytes);
        return;
    }
    for (uint32_t done = 0; done < bytes;) {
        const uint32_t part = bytes - done < part_bytes ? bytes - done : part_bytes;
        send_part(request->sequence, offset + done, part, byte_at);
        done += part;
    }
}
