/* main.c - serves one model over a serial line: frames (docs/serial_protocol.md), and the MLPerf Tiny runner's text in between. */
#include <stdint.h>

#include "ec_answer.h"
#include "ec_board.h"
#include "ec_clock.h"
#include "ec_engine.h"
#include "ec_frame.h"
#include "ec_load.h"
#include "ec_mlperf.h"
#include "ec_port.h"
#include "ec_protocol.h"
#include "ec_server.h"

#define FAULT_BYTES 80u

static ec_decoder decoder;
static char fault[FAULT_BYTES];

static void take(uint8_t byte) {
    const ec_frame_event event = ec_decoder_take(&decoder, byte);
    if (event == EC_FRAME_OUTSIDE) {
        if (ec_mlperf_take(byte)) {
            ec_load_forget();
        }
        return;
    }
    ec_mlperf_reset();
    if (event == EC_FRAME_PAYLOAD || event == EC_FRAME_COMPLETE) {
        ec_server_take(&decoder, event, byte);
    }
}

int main(void) {
    ec_board_serial_init();
    ec_clock_init();
    ec_engine_init();
    ec_mlperf_start();
    for (;;) {
        const int byte = ec_board_serial_get();
        (void)ec_clock_cycles();
        if (byte >= 0) {
            take((uint8_t)byte);
        }
    }
}

/* The port of an image without files: what start-up says of a fault goes to the host, again with every request. */

void ec_port_print(const char *text) {
    unsigned length = 0;
    while (length < FAULT_BYTES - 1u && text[length] != '\0' && text[length] != '\n') {
        fault[length] = text[length];
        length++;
    }
    fault[length] = '\0';
    ec_answer_fault(decoder.sequence, fault);
}

void ec_port_exit(int code) {
    (void)code;
    for (;;) {
        const int byte = ec_board_serial_get();
        if (byte < 0 || ec_decoder_take(&decoder, (uint8_t)byte) != EC_FRAME_COMPLETE) {
            continue;
        }
        if (decoder.type == EC_RESTART) {
            ec_port_restart();
        }
        ec_answer_fault(decoder.sequence, fault);
    }
}
