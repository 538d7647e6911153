/* ec_frame.h - frames on a line of bytes. docs/serial_protocol.md describes them.
 *
 *     0  2  sync      0xEC 0x5E
 *     2  2  length    of the payload
 *     4  2  sequence  chosen by the host, repeated in every answer
 *     6  1  type
 *     7  1  check     low byte of the CRC-32 of bytes 2 to 6: a damaged length is found at once, not after 64 KB
 *     8  n  payload
 *   8+n  4  CRC-32    of bytes 2 to 7+n
 *
 * All numbers are little-endian. */
#ifndef EC_FRAME_H
#define EC_FRAME_H

#include <stddef.h>
#include <stdint.h>

#define EC_FRAME_SYNC_0 0xECu
#define EC_FRAME_SYNC_1 0x5Eu
#define EC_FRAME_KEPT_BYTES 24u /* of a payload; what lies behind is seen byte by byte */

typedef enum {
    EC_FRAME_OUTSIDE, /* the byte belongs to no frame */
    EC_FRAME_INSIDE,  /* part of a frame's header or end, or of one that is damaged */
    EC_FRAME_PAYLOAD, /* `payload_bytes` counts it; the frame may yet prove damaged */
    EC_FRAME_COMPLETE /* header and payload hold a valid frame */
} ec_frame_event;

/* Reception of one frame at a time. All zero at first. */
typedef struct {
    uint32_t crc;
    uint16_t length;
    uint16_t sequence;
    uint16_t payload_bytes; /* received so far */
    uint8_t type;
    uint8_t position; /* in the fields before and behind the payload: 0 is "between frames" */
    uint8_t field[4]; /* bytes of the CRC */
    uint8_t payload[EC_FRAME_KEPT_BYTES];
} ec_decoder;

/* Takes the next byte from the line. */
ec_frame_event ec_decoder_take(ec_decoder *decoder, uint8_t byte);

/* A frame being sent. */
typedef struct {
    uint32_t crc;
} ec_encoder;

/* Sends a frame by ec_board_serial_put: `begin`, then `put` until `length` payload bytes have gone, then `end`. */
void ec_encoder_begin(ec_encoder *encoder, uint8_t type, uint16_t sequence, uint16_t length);
void ec_encoder_put(ec_encoder *encoder, const void *data, size_t bytes);
void ec_encoder_put_u32(ec_encoder *encoder, uint32_t value);
void ec_encoder_end(const ec_encoder *encoder);

/* The little-endian number at `bytes`. */
uint32_t ec_frame_u32(const uint8_t *bytes);
uint16_t ec_frame_u16(const uint8_t *bytes);

#endif
