/* ec_mve_elements.h - rows of two operands, element by element, four at a time. */
#ifndef EC_MVE_ELEMENTS_H
#define EC_MVE_ELEMENTS_H

#include <string.h>

#include "ec_mve.h"
#include "ec_rows.h"

#define EC_MVE_TAKE_ELEMENTS(to, from) EC_MVE_LINE("vldrb.s32 %q[" #to "], [%[" #from "]], #4")
#define EC_MVE_CLAMP(x)                                     \
    EC_MVE_LINE("vmax.s32 %q[" #x "], %q[" #x "], %q[low]") \
    EC_MVE_LINE("vmin.s32 %q[" #x "], %q[" #x "], %q[high]")
#define EC_MVE_STORE_ELEMENTS(x) EC_MVE_LINE("vstrb.32 %q[" #x "], [%[output]], #4")

/* Pairs of four elements, FOUR(x, y) with two vectors to work in; then the rest under tail predication. */
#define EC_MVE_ALL_ELEMENTS(FOUR)       \
    EC_MVE_LINE("lsr lr, %[count], #3") \
    EC_MVE_LINE("wls lr, lr, 2f")       \
    EC_MVE_LINE("1:")                   \
    FOUR(v, w)                          \
    FOUR(w, v)                          \
    EC_MVE_LINE("le lr, 1b")            \
    EC_MVE_LINE("2:")                   \
    EC_MVE_LINE("and lr, %[count], #7") \
    EC_MVE_LINE("wlstp.32 lr, lr, 4f")  \
    EC_MVE_LINE("3:")                   \
    FOUR(v, w)                          \
    EC_MVE_LINE("letp lr, 3b")          \
    EC_MVE_LINE("4:")

/* A row of an operator; the steps of its operands are 0 or 1. */
typedef void (*ec_mve_row)(const void *layer, const int8_t *a, const int8_t *b, uint32_t count, int8_t *output);

/* All rows of an operator with broadcasting. */
static inline void ec_mve_for_rows(const uint32_t *dims, const int32_t *a_steps, const int32_t *b_steps, ec_mve_row row, const void *layer,
                                   const int8_t *a, const int8_t *b, int8_t *output) {
    enum { INNER = EC_ROW_AXES, MIDDLE = EC_ROW_AXES - 1 };
    uint32_t index[EC_ROW_AXES] = {0};
    uint32_t outer[EC_ROW_AXES];
    memcpy(outer, dims, sizeof outer);
    outer[MIDDLE] = 1;
    do {
        const int8_t *a_row = a + ec_row_start(index, a_steps);
        const int8_t *b_row = b + ec_row_start(index, b_steps);
        for (uint32_t left = dims[MIDDLE]; left > 0; left--) {
            row(layer, a_row, b_row, dims[INNER], output);
            a_row += a_steps[MIDDLE];
            b_row += b_steps[MIDDLE];
            output += dims[INNER];
        }
    } while (ec_next_row(index, outer));
}

#endif
