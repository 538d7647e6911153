/* Weights and scratch: ec_triples.h; weights plus 128. */
#include "ec_conv2d_s8.h"

#include "ec_conv2d_block.h"
#include "ec_conv2d_easy_block.h"
#include "ec_triples.h"

static void easy_six(ec_triples_block *block) {
    block->own = (uint32_t)EC_EASY_ZERO_POINT(block->zero_point);
    ec_conv2d_easy_six(block);
}

void ec_conv2d_s8_arm_v6m(const ec_conv2d_s8_params *params, const int8_t *input, int8_t *output, void *scratch) {
    static const ec_triples_loops loops = {ec_merge_three, ec_merge_six, ec_conv2d_three, ec_conv2d_six, easy_six, NULL, NULL};
    ec_convolve_triples(params, input, output, scratch, EC_SEGMENT_WORDS, &loops);
}
