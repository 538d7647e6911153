/* ec_frame.c - see ec_frame.h. */
#include "ec_frame.h"

#include "ec_board.h"
#include "ec_crc32.h"

/* Positions in a frame; 2 to 6 are the header's bytes under their own numbers. */
#define AT_SYNC_0 0u
#define AT_SYNC_1 1u
#define AT_HEADER 2u
#define AT_CHECK 7u
#define AT_PAYLOAD 8u
#define AT_CRC 9u /* to 12 */
#define AFTER_CRC 13u

uint16_t ec_frame_u16(const uint8_t *bytes) { return (uint16_t)(bytes[0] | bytes[1] << 8); }

uint32_t ec_frame_u32(const uint8_t *bytes) { return (uint32_t)ec_frame_u16(bytes + 2) << 16 | ec_frame_u16(bytes); }

static void take_header(ec_decoder *decoder, uint8_t byte) {
    switch (decoder->position) {
    case 2:
        decoder->length = byte;
        break;
    case 3:
        decoder->length = (uint16_t)(decoder->length | byte << 8);
        break;
    case 4:
        decoder->sequence = byte;
        break;
    case 5:
        decoder->sequence = (uint16_t)(decoder->sequence | byte << 8);
        break;
    default:
        decoder->type = byte;
        break;
    }
    decoder->crc = ec_crc32(decoder->crc, &byte, 1);
    decoder->position++;
}

static ec_frame_event take_payload(ec_decoder *decoder, uint8_t byte) {
    if (decoder->payload_bytes < EC_FRAME_KEPT_BYTES) {
        decoder->payload[decoder->payload_bytes] = byte;
    }
    decoder->payload_bytes++;
    decoder->crc = ec_crc32(decoder->crc, &byte, 1);
    if (decoder->payload_bytes == decoder->length) {
        decoder->position = AT_CRC;
    }
    return EC_FRAME_PAYLOAD;
}

static ec_frame_event take_crc(ec_decoder *decoder, uint8_t byte) {
    decoder->field[decoder->position - AT_CRC] = byte;
    decoder->position++;
    if (decoder->position < AFTER_CRC) {
        return EC_FRAME_INSIDE;
    }
    decoder->position = AT_SYNC_0;
    return ec_frame_u32(decoder->field) == decoder->crc ? EC_FRAME_COMPLETE : EC_FRAME_INSIDE;
}

ec_frame_event ec_decoder_take(ec_decoder *decoder, uint8_t byte) {
    if (decoder->position >= AT_CRC) {
        return take_crc(decoder, byte);
    }
    if (decoder->position == AT_PAYLOAD) {
        return take_payload(decoder, byte);
    }
    if (decoder->position >= AT_HEADER && decoder->position < AT_CHECK) {
        take_header(decoder, byte);
        return EC_FRAME_INSIDE;
    }
    if (decoder->position == AT_CHECK && byte == (uint8_t)decoder->crc) {
        decoder->crc = ec_crc32(decoder->crc, &byte, 1);
        decoder->payload_bytes = 0;
        decoder->position = decoder->length > 0 ? AT_PAYLOAD : AT_CRC;
        return EC_FRAME_INSIDE;
    }
    if (decoder->position == AT_SYNC_1 && byte == EC_FRAME_SYNC_1) {
        decoder->crc = 0;
        decoder->position = AT_HEADER;
        return EC_FRAME_INSIDE;
    }
    decoder->position = byte == EC_FRAME_SYNC_0 ? AT_SYNC_1 : AT_SYNC_0; /* between frames, or what came was none */
    return decoder->position == AT_SYNC_1 ? EC_FRAME_INSIDE : EC_FRAME_OUTSIDE;
}

static void put_unchecked(uint32_t value, unsigned bytes) {
    for (; bytes > 0; bytes--, value >>= 8) {
        ec_board_serial_put((uint8_t)value);
    }
}

void ec_encoder_put(ec_encoder *encoder, const void *data, size_t bytes) {
    const uint8_t *next = data;
    encoder->crc = ec_crc32(encoder->crc, data, bytes);
    for (; bytes > 0; bytes--) {
        ec_board_serial_put(*next++);
    }
}

void ec_encoder_put_u32(ec_encoder *encoder, uint32_t value) {
    const uint8_t bytes[4] = {(uint8_t)value, (uint8_t)(value >> 8), (uint8_t)(value >> 16), (uint8_t)(value >> 24)};
    ec_encoder_put(encoder, bytes, sizeof bytes);
}

void ec_encoder_begin(ec_encoder *encoder, uint8_t type, uint16_t sequence, uint16_t length) {
    const uint8_t header[5] = {(uint8_t)length, (uint8_t)(length >> 8), (uint8_t)sequence, (uint8_t)(sequence >> 8), type};
    put_unchecked(EC_FRAME_SYNC_0 | EC_FRAME_SYNC_1 << 8, 2);
    encoder->crc = 0;
    ec_encoder_put(encoder, header, sizeof header);
    const uint8_t check = (uint8_t)encoder->crc;
    ec_encoder_put(encoder, &check, 1);
}

void ec_encoder_end(const ec_encoder *encoder) { put_unchecked(encoder->crc, 4); }
