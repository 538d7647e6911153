/* The inputs of a window that are not zero are listed once for all output channels. */
#include "ec_conv2d_zero_input_s8.h"

#include "ec_requantize.h"

typedef struct {
    uint32_t at;   /* in a filter */
    int32_t value; /* without the zero point */
} entry;

/* bias + input_zero_point * sum of the weights, for each channel: where a sum starts. */
static void start_sums(const ec_conv2d_zero_input_s8_params *p, uint32_t filter_size, int32_t *starts) {
    const int8_t *weights = p->weights;
    for (uint32_t oc = 0; oc < p->output_c; oc++) {
        int32_t sum = 0;
        for (uint32_t i = 0; i < filter_size; i++) {
            sum += *weights++;
        }
        starts[oc] = p->bias[oc] + p->input_zero_point * sum;
    }
}

/* Lists the channels of a tap that are not zero; returns where the list goes on. */
static entry *list_tap(const ec_conv2d_zero_input_s8_params *p, const int8_t *input, uint32_t channels, uint32_t at, entry *to) {
    for (uint32_t c = 0; c < channels; c++) {
        const int32_t value = input[c] - p->input_zero_point;
        if (value < 0 || value > p->zero_span) {
            to->at = at + c;
            to->value = value;
            to++;
        }
    }
    return to;
}

/* Lists the window whose first tap lies at (y, x), which may be in the padding; input: the first channel of the group. */
static entry *list_window(const ec_conv2d_zero_input_s8_params *p, const int8_t *input, int32_t y, int32_t x, entry *to) {
    const uint32_t channels = (uint32_t)p->input_c / p->groups;
    uint32_t at = 0;
    for (uint32_t ky = 0; ky < p->kernel_h; ky++) {
        int32_t column = x;
        for (uint32_t kx = 0; kx < p->kernel_w; kx++) {
            if (y >= 0 && y < p->input_h && column >= 0 && column < p->input_w) {
                const uint32_t pixel = (uint32_t)y * p->input_w + (uint32_t)column;
                to = list_tap(p, input + pixel * p->input_c, channels, at, to);
            }
            at += channels;
            column += p->dilation_w;
        }
        y += p->dilation_h;
    }
    return to;
}

static int32_t add_products(const entry *list, const entry *end, const int8_t *weights, int32_t sum) {
    for (; list != end; list++) {
        sum += list->value * weights[list->at];
    }
    return sum;
}

static void pixel_outputs(const ec_conv2d_zero_input_s8_params *p, const int8_t *input, int32_t y, int32_t x, const int32_t *starts,
                          entry *list, int8_t *output) {
    const uint32_t group_inputs = (uint32_t)p->input_c / p->groups;
    const uint32_t group_outputs = (uint32_t)p->output_c / p->groups;
    const uint32_t filter_size = p->kernel_h * p->kernel_w * group_inputs;
    const int8_t *weights = p->weights;
    const entry *end = list;
    for (uint32_t oc = 0; oc < p->output_c; oc++) {
        if (oc % group_outputs == 0) {
            end = list_window(p, input + oc / group_outputs * group_inputs, y, x, list);
        }
        const int32_t sum = add_products(list, end, weights, starts[oc]);
        output[oc] = ec_requantize(sum, p->multiplier[oc], p->shift, p->output_zero_point, p->clamp_min, p->clamp_max);
        weights += filter_size;
    }
}

void ec_conv2d_zero_input_s8(const ec_conv2d_zero_input_s8_params *params, const int8_t *input, int8_t *output, void *scratch) {
    int32_t *starts = scratch;
    entry *list = (entry *)(void *)(starts + params->output_c);
    start_sums(params, (uint32_t)params->kernel_h * params->kernel_w * (params->input_c / params->groups), starts);
    for (int32_t oy = 0; oy < params->output_h; oy++) {
        for (int32_t ox = 0; ox < params->output_w; ox++) {
            const int32_t y = oy * params->stride_h - params->pad_top;
            const int32_t x = ox * params->stride_w - params->pad_left;
            pixel_outputs(params, input, y, x, starts, list, output);
            output += params->output_c;
        }
    }
}
