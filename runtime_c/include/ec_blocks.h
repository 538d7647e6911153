/* ec_blocks.h - work through a run of elements in blocks of a fixed size. */
#ifndef EC_BLOCKS_H
#define EC_BLOCKS_H

#include <stdint.h>

/* Elements of the block that starts at `first`: `size`, or what is left of `total`. */
static inline uint32_t ec_block(uint32_t total, uint32_t first, uint32_t size) { return total - first < size ? total - first : size; }

#endif
