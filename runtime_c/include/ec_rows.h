/* ec_rows.h - walk a box of six axes in row-major order, one innermost row at a time.
 *
 *     uint32_t index[EC_ROW_AXES] = {0};
 *     do {
 *         ... dims[EC_ROW_AXES] elements from ec_row_start(index, steps) on, steps[EC_ROW_AXES] apart ...
 *     } while (ec_next_row(index, dims));
 *
 * Precondition, proved when the model is compiled: every dimension is at least 1.
 */
#ifndef EC_ROWS_H
#define EC_ROWS_H

#include <stddef.h>
#include <stdint.h>

#define EC_ROW_AXES 5 /* axes before the innermost */

/* Advance to the next row; 0 after the last. */
static inline int ec_next_row(uint32_t *index, const uint32_t *dims) {
    for (uint32_t axis = EC_ROW_AXES; axis-- > 0;) {
        if (++index[axis] < dims[axis]) {
            return 1;
        }
        index[axis] = 0;
    }
    return 0;
}

/* Elements from the start of an operand to the first element of the row. */
static inline ptrdiff_t ec_row_start(const uint32_t *index, const int32_t *steps) {
    ptrdiff_t start = 0;
    for (uint32_t axis = 0; axis < EC_ROW_AXES; axis++) {
        start += (ptrdiff_t)index[axis] * steps[axis];
    }
    return start;
}

#endif
