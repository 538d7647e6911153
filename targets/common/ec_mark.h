/* ec_mark.h - the boundary between two counted sections. */
#ifndef EC_MARK_H
#define EC_MARK_H

#include <stddef.h>
#include <stdint.h>

/* Does nothing; a profiler counts the instructions between its calls. It has the signature of an observer, so that the model calls
 * it directly after each layer. */
void ec_mark(void *user, uint32_t layer, const void *output, size_t output_bytes);

#endif
