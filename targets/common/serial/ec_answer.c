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

void ec_answer_progress(uint16_t sequence, uint8_t state, uint32_t run, uint32_t layer, uint32_t bytes) {
    ec_encoder out;
    ec_encoder_begin(&out, EC_INFER | EC_ANSWER, sequence, 13);
    ec_encoder_put(&out, &state, 1);
    ec_encoder_put_u32(&out, run);
    ec_encoder_put_u32(&out, layer);
    ec_encoder_put_u32(&out, bytes);
    ec_encoder_end(&out);
}

static void send_part(uint16_t sequence, uint32_t offset, uint32_t bytes, uint8_t (*byte_at)(uint32_t at)) {
    ec_encoder out;
    ec_encoder_begin(&out, EC_READ | EC_ANSWER, sequence, (uint16_t)(bytes + 4u));
    ec_encoder_put_u32(&out, offset);
    for (uint32_t i = 0; i < bytes; i++) {
        const uint8_t byte = byte_at(offset + i);
        ec_encoder_put(&out, &byte, 1);
    }
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
