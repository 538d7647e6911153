/* ec_zero_input_lists.h - the inputs of a row that are not zero, listed once for all windows that read them.
 *
 * A unit is the list of one column, or of one of the four positions of a tile. A tile is two outputs of a filter that is three columns
 * wide, which read the columns a, b, c, d: by Winograd's minimal filtering F(2, 3) (Lavin and Gray, arXiv 1509.09308) along the row, four
 * products take the place of six. Its positions are a - c, b + c, c - b, d - b, which are zero about as often as inputs are.
 */
#ifndef EC_ZERO_INPUT_LISTS_H
#define EC_ZERO_INPUT_LISTS_H

#include <stdint.h>
#include <string.h>

#include "ec_conv2d_zero_input_s8.h"

#define EC_TILE_POSITIONS 4U
#define EC_TILE_COLUMNS 4
#define EC_TILE_OUTPUTS 2

/* A value and its weights: bytes from the first weights of the unit. The first entry of a unit holds how many follow, as its offset. */
typedef struct {
    uint16_t offset;
    int16_t value;
} ec_entry;

typedef struct {
    const int8_t *input;   /* first channel of the group */
    const int8_t *padding; /* input_zero_point, `channels` times */
    int32_t height;
    int32_t width;
    uint32_t pixel; /* bytes from column to column */
    uint32_t channels;
    uint32_t entry_bytes; /* of weights, from one channel to the next */
    int32_t zero_point;
    uint32_t unit; /* entries from one unit to the next */
} ec_list_source;

/* Appends a value unless it is zero. */
static inline __attribute__((always_inline)) ec_entry *ec_append(ec_entry *to, int32_t value, uint32_t offset) {
    if (value != 0) {
        to->offset = (uint16_t)offset;
        to->value = (int16_t)value;
        to++;
    }
    return to;
}

static inline void ec_close_list(ec_entry *unit, const ec_entry *end) { unit->offset = (uint16_t)(end - unit - 1); }

/* All columns of a row of the input. */
static __attribute__((noinline)) void ec_list_columns(const ec_list_source *s, int32_t y, ec_entry *units) {
    const int8_t *from = s->input + (uint32_t)(y * s->width) * s->pixel;
    const int8_t *row_end = from + (uint32_t)s->width * s->pixel;
    for (; from != row_end; from += s->pixel) {
        ec_entry *to = units + 1;
        uint32_t offset = 0;
        for (const int8_t *value = from; value != from + s->channels; value++) {
            to = ec_append(to, *value - s->zero_point, offset);
            offset += s->entry_bytes;
        }
        ec_close_list(units, to);
        units += s->unit;
    }
}

/* The four positions of a tile, from its four columns. */
static inline void ec_list_tile(const ec_list_source *s, const int8_t *const *columns, ec_entry *units) {
    const int8_t *a = columns[0];
    const int8_t *b = columns[1];
    const int8_t *c = columns[2];
    const int8_t *d = columns[3];
    ec_entry *unit[EC_TILE_POSITIONS] = {units, units + s->unit, units + 2U * s->unit, units + 3U * s->unit};
    ec_entry *first = unit[0] + 1;
    ec_entry *second = unit[1] + 1;
    ec_entry *third = unit[2] + 1;
    ec_entry *fourth = unit[3] + 1;
    const int32_t twice = 2 * s->zero_point;
    uint32_t offset = 0;
    for (const int8_t *end = a + s->channels; a != end;) {
        const int32_t left = *b++;
        const int32_t right = *c++;
        first = ec_append(first, *a++ - right, offset);
        second = ec_append(second, left + right - twice, offset);
        third = ec_append(third, right - left, offset);
        fourth = ec_append(fourth, *d++ - left, offset);
        offset += s->entry_bytes;
    }
    ec_close_list(unit[0], first);
    ec_close_list(unit[1], second);
    ec_close_list(unit[2], third);
    ec_close_list(unit[3], fourth);
}

/* All tiles of a row of the input; the first begins at column `x`, which may be in the padding. */
static __attribute__((noinline)) void ec_list_tiles(const ec_list_source *s, int32_t y, int32_t x, uint32_t tiles, ec_entry *units) {
    const int8_t *row = s->input + (uint32_t)(y * s->width) * s->pixel;
    for (; tiles > 0; tiles--) {
        const int8_t *columns[EC_TILE_COLUMNS];
        for (int32_t i = 0; i < EC_TILE_COLUMNS; i++) {
            columns[i] = x + i >= 0 && x + i < s->width ? row + (uint32_t)(x + i) * s->pixel : s->padding;
        }
        ec_list_tile(s, columns, units);
        x += EC_TILE_OUTPUTS;
        units += EC_TILE_POSITIONS * s->unit;
    }
}

#endif
