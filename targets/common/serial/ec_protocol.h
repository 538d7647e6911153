/* ec_protocol.h - numbers of the serial protocol; docs/serial_protocol.md says what they mean. */
#ifndef EC_PROTOCOL_H
#define EC_PROTOCOL_H

#define EC_PROTOCOL_VERSION 1u

/* Types of frames from the host; an answer has the type with EC_ANSWER set. */
enum {
    EC_HELLO = 0x01,
    EC_LOAD = 0x02, /* never answered */
    EC_STATUS = 0x03,
    EC_PAINT = 0x04,
    EC_INFER = 0x05,
    EC_READ = 0x06,
    EC_CONTINUE = 0x07, /* answered as EC_INFER */
    EC_CHECKSUM = 0x08,
    EC_RESTART = 0x09, /* never answered */
    EC_ANSWER = 0x80,
    EC_FAULT = 0xFE, /* the firmware has ended; text */
    EC_ERROR = 0xFF
};

/* Bytes of requests; of EC_LOAD those before the data. */
enum {
    EC_HELLO_BYTES = 4,
    EC_LOAD_BYTES = 8,
    EC_STATUS_BYTES = 4,
    EC_PAINT_BYTES = 9,
    EC_INFER_BYTES = 16,
    EC_READ_BYTES = 20,
    EC_CONTINUE_BYTES = 12,
    EC_CHECKSUM_BYTES = 5
};

/* Flags in the answer to EC_HELLO. */
enum { EC_HAS_COUNTER = 1, EC_KEEPS_INPUT = 2, EC_KNOWS_STACK = 4, EC_HAS_ARENA = 8 };

/* Flags of EC_INFER. */
enum { EC_INFER_COUNT = 1, EC_INFER_MEASURE = 2, EC_INFER_STEP = 4, EC_INFER_OUTPUT = 8 };

/* First byte of the answers to EC_INFER and EC_CONTINUE. */
enum { EC_STATE_RUNNING = 1, EC_STATE_DONE = 2, EC_STATE_STOPPED = 3 };

/* What EC_READ reads. */
enum { EC_REGION_OUTPUT = 0, EC_REGION_LAYER_CYCLES = 1, EC_REGION_LAYER = 2, EC_REGION_MEASURES = 3 };

#define EC_MEASURES_BYTES 16u

/* What EC_CHECKSUM sums. */
enum { EC_SUM_CONSTANTS = 0, EC_SUM_CODE = 1 };

/* First byte of EC_ERROR; 1 to 4 are those of ec_run_status. */
enum {
    EC_BAD_REQUEST = 16, /* unknown type, or a payload of another length */
    EC_BAD_SESSION = 17, /* no EC_HELLO since the board started, or another host's */
    EC_BAD_RUN = 18,     /* there is no result, or it is of another run */
    EC_BAD_RANGE = 19    /* not within the region */
};

#endif
