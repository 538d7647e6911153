/* ec_words.h - words, numbers and messages of the text protocol. */
#ifndef EC_WORDS_H
#define EC_WORDS_H

#include <stdint.h>

/* The next word of a line, ended by '\0', or NULL where there is none; `*rest` moves behind it. */
char *ec_words_next(char **rest);

/* The number a word states, 0 to 10^9 - 1, or -1 for anything else. */
int32_t ec_words_number(const char *word);

/* The line "e-[...]". */
void ec_words_put_error(const char *text);

/* A line with a number between two texts. */
void ec_words_put_numbered(const char *before, uint64_t number, const char *after);

#endif
