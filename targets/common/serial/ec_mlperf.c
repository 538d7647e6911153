/* ec_mlperf.c - see ec_mlperf.h. */
#include "ec_mlperf.h"

#include <stddef.h>
#include <string.h>

#include "ec_clock.h"
#include "ec_engine.h"
#include "ec_mlperf_buffer.h"
#include "ec_text.h"
#include "ec_words.h"

#define LINE_BYTES 96u /* of a command; the runner's longest is 80 */
#define TERMINATOR '%'
#define READY "m-ready\r\n"
#define DEFAULT_WARMUPS 10u

static struct {
    char line[LINE_BYTES];
    uint8_t length; /* LINE_BYTES: the command is too long */
} mlperf;

static void put_timestamp(void) {
    const uint64_t cycles = ec_clock_cycles();
    ec_words_put_numbered("m-lap-us-", cycles / EC_CLOCK_HZ * 1000000u + cycles % EC_CLOCK_HZ * 1000000u / EC_CLOCK_HZ, "\r\n");
}

static int32_t signed_element(const ec_tensor *tensor, uint32_t offset) {
    uint32_t value = 0;
    for (uint32_t i = tensor->element_bytes; i > 0; i--) {
        value = value << 8 | ec_engine_output(offset + i - 1u);
    }
    const uint32_t sign = (uint32_t)1 << (8u * tensor->element_bytes - 1u);
    return (int32_t)((value ^ sign) - sign);
}

static void put_results(void) {
    if (!ec_engine_result()->has_output) {
        ec_words_put_error("No results: load an input and infer");
        return;
    }
    uint32_t offset = 0;
    ec_text_put("m-results-[");
    for (uint32_t t = 0; t < ec_harness_model->output_count; t++) {
        const ec_tensor *output = &ec_harness_model->outputs[t];
        for (uint32_t at = 0; at < output->bytes; at += output->element_bytes, offset += output->element_bytes) {
            const int64_t steps = (int64_t)signed_element(output, offset) - output->zero_point;
            ec_text_put(offset > 0 ? "," : "");
            ec_text_put_scaled(steps * (int64_t)output->scale_mantissa, output->scale_exponent);
        }
    }
    ec_text_put("]\r\n");
}

static int run(uint32_t repeats) {
    static const char *const problems[] = {
        [EC_RUN_NO_ARENA] = "The arena does not fit the board's RAM",
        [EC_RUN_NO_INPUT] = "No input: db load N, then db HH[HH]* until N bytes",
        [EC_RUN_INPUT_GONE] = "The run overwrote its input, and RAM has no room for a copy: infer 1 0 after each load",
        [EC_RUN_OTHER_INPUT] = "The input has changed",
    };
    const ec_run_status status = ec_engine_run(EC_RUN_PLAIN, repeats, ec_mlperf_buffer_crc());
    if (status != EC_RUN_DONE) {
        ec_words_put_error(problems[status]);
    }
    return status == EC_RUN_DONE;
}

static void infer(char *rest) {
    const char *word = ec_words_next(&rest);
    const int32_t repeats = word == NULL ? 1 : ec_words_number(word);
    if (repeats <= 0) {
        ec_words_put_error("Inference iterations must be >0");
        return;
    }
    word = ec_words_next(&rest);
    const int32_t warmups = word == NULL ? (int32_t)DEFAULT_WARMUPS : ec_words_number(word);
    if (warmups < 0) {
        ec_words_put_error("Inference warmup must be >=0");
        return;
    }
    ec_words_put_numbered("m-warmup-start-", (uint32_t)warmups, "\r\n");
    if (!run((uint32_t)warmups)) {
        return;
    }
    ec_text_put("m-warmup-done\r\n");
    ec_words_put_numbered("m-infer-start-", (uint32_t)repeats, "\r\n");
    put_timestamp();
    const int done = run((uint32_t)repeats);
    put_timestamp();
    ec_text_put("m-infer-done\r\n");
    if (done) {
        put_results();
    }
}

static void put_profile(void) {
    ec_text_put("m-profile-[ULPMark for tinyML Firmware V0.0.1]\r\n"); /* by which the runner knows its device */
    ec_text_put("m-model-[");
    ec_text_put(ec_harness_model->name);
    ec_text_put("]\r\n");
}

static void put_help(void) {
    ec_text_put("edgecomp, a device for the MLPerf Tiny runner; commands end with %\r\n"
                "help         : Print this information\r\n"
                "name         : Print the name of the device\r\n"
                "profile      : Print the firmware's profile and the model\r\n"
                "timestamp    : Print the time in microseconds\r\n"
                "db load N    : Expect N bytes of input\r\n"
                "db HH[HH]*   : Load bytes in hex until N are there\r\n"
                "db print [N=16] [offset=0] : Print N bytes at offset in hex\r\n"
                "infer [N=1] [W=10] : Infer N times after W warm-up rounds\r\n"
                "results      : Print the results of the last inference\r\n");
}

static void run_command(char *rest) {
    const char *word = ec_words_next(&rest);
    if (word == NULL || mlperf.length == LINE_BYTES) {
        ec_words_put_error(word == NULL ? "Empty command" : "Command too long");
    } else if (strcmp(word, "name") == 0) {
        ec_text_put("m-name-dut-[edgecomp]\r\n");
    } else if (strcmp(word, "profile") == 0) {
        put_profile();
    } else if (strcmp(word, "timestamp") == 0) {
        put_timestamp();
    } else if (strcmp(word, "help") == 0) {
        put_help();
    } else if (strcmp(word, "db") == 0) {
        ec_mlperf_buffer_command(rest);
    } else if (strcmp(word, "infer") == 0) {
        infer(rest);
    } else if (strcmp(word, "results") == 0) {
        put_results();
    } else {
        ec_text_put("e-[Unknown command: ");
        ec_text_put(word);
        ec_text_put("]\r\n");
    }
    ec_text_put(READY);
}

void ec_mlperf_start(void) {
    ec_text_put("m-init-done\r\n");
    ec_text_put(READY);
}

void ec_mlperf_reset(void) { mlperf.length = 0; }

int ec_mlperf_take(uint8_t byte) {
    if (byte == TERMINATOR) {
        mlperf.line[mlperf.length < LINE_BYTES ? mlperf.length : LINE_BYTES - 1u] = '\0';
        run_command(mlperf.line);
        mlperf.length = 0;
        return 1;
    }
    if (byte >= ' ' && byte < 0x7Fu && mlperf.length < LINE_BYTES) { /* line ends and noise are passed over */
        mlperf.line[mlperf.length] = (char)byte;
        mlperf.length++;
    }
    return 0;
}
