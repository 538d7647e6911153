/* ec_server.h - answers the frames of docs/serial_protocol.md. */
#ifndef EC_SERVER_H
#define EC_SERVER_H

#include <stdint.h>

#include "ec_frame.h"

/* Takes what the decoder found: EC_FRAME_PAYLOAD or EC_FRAME_COMPLETE. */
void ec_server_take(const ec_decoder *frame, ec_frame_event event, uint8_t byte);

#endif
