/* ec_words.c - see ec_words.h. */
#include "ec_words.h"

#include <stddef.h>
#include <string.h>

#include "ec_text.h"

#define MOST_DIGITS 9u

char *ec_words_next(char **rest) {
    char *word = *rest;
    while (*word == ' ') {
        word++;
    }
    if (*word == '\0') {
        return NULL;
    }
    char *end = word;
    while (*end != ' ' && *end != '\0') {
        end++;
    }
    *rest = *end == '\0' ? end : end + 1;
    *end = '\0';
    return word;
}

int32_t ec_words_number(const char *word) {
    int32_t value = 0;
    const size_t digits = strlen(word);
    if (digits == 0 || digits > MOST_DIGITS) {
        return -1;
    }
    for (; *word != '\0'; word++) {
        if (*word < '0' || *word > '9') {
            return -1;
        }
        value = value * 10 + (*word - '0');
    }
    return value;
}

void ec_words_put_error(const char *text) {
    ec_text_put("e-[");
    ec_text_put(text);
    ec_text_put("]\r\n");
}

void ec_words_put_numbered(const char *before, uint64_t number, const char *after) {
    ec_text_put(before);
    ec_text_put_number(number);
    ec_text_put(after);
}
