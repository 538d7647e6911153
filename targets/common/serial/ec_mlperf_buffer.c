/* ec_mlperf_buffer.c - see ec_mlperf_buffer.h. The buffer of the rules is the model's input in its arena. */
#include "ec_mlperf_buffer.h"

#include <stddef.h>
#include <string.h>

#include "ec_engine.h"
#include "ec_text.h"
#include "ec_words.h"

#define PRINTED_A_LINE 8u

static struct {
    uint32_t loaded_bytes;
    uint32_t crc; /* of the input, once it is whole */
    uint8_t loading;
} buffer;

uint32_t ec_mlperf_buffer_crc(void) { return buffer.crc; }

static int hex_digit(char c) {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    const char lower = (char)(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

static void load(char *rest) {
    const char *word = ec_words_next(&rest);
    const int32_t bytes = word == NULL ? -1 : ec_words_number(word);
    if (word == NULL) {
        ec_words_put_error("Command 'db load' requires the # of bytes");
    } else if (bytes <= 0) {
        ec_words_put_error("Command 'db load' must be >0 bytes");
    } else if ((uint32_t)bytes != ec_engine_input_bytes()) {
        ec_words_put_numbered("e-[The model's input has ", ec_engine_input_bytes(), " bytes]\r\n");
    } else {
        ec_engine_clear(0, 0);
        buffer.loading = 1;
        buffer.loaded_bytes = 0;
        ec_words_put_numbered("m-[Expecting ", (uint32_t)bytes, " bytes]\r\n");
    }
}

static void print(char *rest) {
    const char *word = ec_words_next(&rest);
    const int32_t count = word == NULL ? 16 : ec_words_number(word);
    word = ec_words_next(&rest);
    const int32_t offset = word == NULL ? 0 : ec_words_number(word);
    if (count < 0 || offset < 0 || !ec_engine_has_arena()) {
        ec_words_put_error("Usage: db print [N=16] [offset=0]");
        return;
    }
    for (uint32_t i = 0; i < (uint32_t)count && (uint32_t)offset + i < buffer.loaded_bytes; i++) {
        ec_text_put(i % PRINTED_A_LINE != 0 ? "-" : i > 0 ? "\r\nm-buffer-" : "m-buffer-");
        ec_text_put_hex(ec_engine_input((uint32_t)offset + i));
    }
    ec_text_put("\r\n");
}

static void take_digits(const char *digits) {
    if (!buffer.loading || !ec_engine_has_arena()) {
        ec_words_put_error("Command 'db HH' needs 'db load' before it");
        return;
    }
    if (strlen(digits) % 2u != 0) {
        ec_words_put_error("Insufficent number of hex digits"); /* as the rules spell it */
        return;
    }
    for (; *digits != '\0' && buffer.loading; digits += 2) {
        const int high = hex_digit(digits[0]);
        const int low = hex_digit(digits[1]);
        if (high < 0 || low < 0) {
            ec_words_put_error("Invalid hex digit");
            return;
        }
        ec_engine_write_input(buffer.loaded_bytes, (uint8_t)(high * 16 + low));
        buffer.loaded_bytes++;
        buffer.loading = buffer.loaded_bytes < ec_engine_input_bytes();
    }
    if (!buffer.loading) { /* digits behind the last byte are passed over */
        ec_engine_input_loaded();
        buffer.crc = ec_engine_input_crc();
        ec_text_put("m-load-done\r\n");
    }
}

void ec_mlperf_buffer_command(char *rest) {
    const char *word = ec_words_next(&rest);
    if (word == NULL) {
        ec_words_put_error("Command 'db' requires a subcommand");
    } else if (strcmp(word, "load") == 0) {
        load(rest);
    } else if (strcmp(word, "print") == 0) {
        print(rest);
    } else {
        take_digits(word);
    }
}
