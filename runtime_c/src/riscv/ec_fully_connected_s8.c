/* Eight outputs of two rows, or of one, at a time.
 *
 * weights: for each block of eight outputs [input_n][8], then one of four [input_n][4] where as many are left, then each output that is
 * left [input_n].
 */
#if !defined(__riscv_mul) || __riscv_xlen != 32
#error "this kernel needs a 32-bit RISC-V with M: compile with -march=rv32im or more, or take the one of src/portable"
#endif

#include "ec_fully_connected_s8.h"

#include "ec_riscv_requantize.h"

#define EIGHT 8U
#define FOUR 4U

/* Output o of eight, for one row or two; the weight of output `next` is loaded while the products are on their way. */
#define WEIGHT(e, o, w) "lb %[" #w "], 8*" #e "+" #o "(%[weights])\n"
#define ONE_ROW(o, w, next) "mul %[t], %[" #w "], %[x]\n" next "add %[s" #o "], %[s" #o "], %[t]\n"
#define TWO_ROWS(o, next)                                              \
    "mul %[t], %[w], %[x]\n"                                           \
    "mul %[u], %[w], %[y]\n" next "add %[s" #o "], %[s" #o "], %[t]\n" \
    "add %[r" #o "], %[r" #o "], %[u]\n"

/* Element e of the rows, times eight weights. */
#define ELEMENT_OF_ONE(e)                                                                                                           \
    "lb %[x], " #e "(%[input])\n" WEIGHT(e, 0, w) WEIGHT(e, 1, v) ONE_ROW(0, w, WEIGHT(e, 2, w)) ONE_ROW(1, v, WEIGHT(e, 3, v))     \
        ONE_ROW(2, w, WEIGHT(e, 4, w)) ONE_ROW(3, v, WEIGHT(e, 5, v)) ONE_ROW(4, w, WEIGHT(e, 6, w)) ONE_ROW(5, v, WEIGHT(e, 7, v)) \
            ONE_ROW(6, w, "") ONE_ROW(7, v, "")
#define ELEMENT_OF_TWO(e)                                                                                                   \
    WEIGHT(e, 0, w)                                                                                                         \
    "lb %[x], " #e "(%[input])\n"                                                                                           \
    "lb %[y], " #e "(%[second])\n" TWO_ROWS(0, WEIGHT(e, 1, w)) TWO_ROWS(1, WEIGHT(e, 2, w)) TWO_ROWS(2, WEIGHT(e, 3, w))   \
        TWO_ROWS(3, WEIGHT(e, 4, w)) TWO_ROWS(4, WEIGHT(e, 5, w)) TWO_ROWS(5, WEIGHT(e, 6, w)) TWO_ROWS(6, WEIGHT(e, 7, w)) \
            TWO_ROWS(7, "")

/* Four elements a turn while there are so many, then one. %[end] lies three elements before the end of the row. */
#define LOOPS(ELEMENT, second_by_4, second_by_1)                                                                                \
    "bgeu %[input], %[end], 2f\n"                                                                                               \
    "1:\n" ELEMENT(0) ELEMENT(1) ELEMENT(2) ELEMENT(3) "addi %[weights], %[weights], 32\n"                                      \
                                                       "addi %[input], %[input], 4\n" second_by_4 "bltu %[input], %[end], 1b\n" \
                                                       "2:\n"                                                                   \
                                                       "addi %[end], %[end], 3\n"                                               \
                                                       "beq %[input], %[end], 4f\n"                                             \
                                                       "3:\n" ELEMENT(0) "addi %[weights], %[weights], 8\n"                     \
                                                                         "addi %[input], %[input], 1\n" second_by_1             \
                                                                         "bne %[input], %[end], 3b\n"                           \
                                                                         "4:\n"

#define BIAS_OF_ONE(o) "lw %[s" #o "], 4*" #o "(%[t])\n"
#define BIAS_OF_TWO(o) BIAS_OF_ONE(o) "mv %[r" #o "], %[s" #o "]\n"
#define EIGHT_BIASES(BIAS) BIAS(0) BIAS(1) BIAS(2) BIAS(3) BIAS(4) BIAS(5) BIAS(6) BIAS(7)
#define SUMS(name, array)                                                                                                                  \
    [name##0] "=&r"(array[0]), [name##1] "=&r"(array[1]), [name##2] "=&r"(array[2]), [name##3] "=&r"(array[3]), [name##4] "=&r"(array[4]), \
        [name##5] "=&r"(array[5]), [name##6] "=&r"(array[6]), [name##7] "=&r"(array[7])

/* sums[o] = bias[o] + products of the row and the weights of output o, eight in all. Assembly, as the compiler would spill. */
static inline __attribute__((always_inline)) void eight_of_one(const int8_t *weights, const int8_t *input, uint32_t count,
                                                               const int32_t *bias, int32_t *sums) {
    int32_t w, v, x;
    const int32_t *t = bias;
    const int8_t *end = input + count - 3;
    __asm__(EIGHT_BIASES(BIAS_OF_ONE) LOOPS(ELEMENT_OF_ONE, "", "")
            : SUMS(s, sums), [weights] "+r"(weights), [input] "+r"(input), [end] "+r"(end), [t] "+r"(t), [w] "=&r"(w), [v] "=&r"(v),
              [x] "=&r"(x)
            :
            : "memory");
}

/* The same for two rows, the second of which lies `count` elements behind the first; its sums follow those of the first. */
static inline __attribute__((always_inline)) void eight_of_two(const int8_t *weights, const int8_t *input, uint32_t count,
                                                               const int32_t *bias, int32_t *sums) {
    int32_t w, x, y, u;
    int32_t *others = sums + EIGHT;
    const int32_t *t = bias;
    const int8_t *second = input + count;
    const int8_t *end = second - 3;
    __asm__(EIGHT_BIASES(BIAS_OF_TWO) LOOPS(ELEMENT_OF_TWO, "addi %[second], %[second], 4\n", "addi %[second], %[second], 1\n")
            : SUMS(s, sums), SUMS(r, others), [weights] "+r"(weights), [input] "+r"(input), [second] "+r"(second), [end] "+r"(end),
              [t] "+r"(t), [w] "=&r"(w), [x] "=&r"(x), [y] "=&r"(y), [u] "=&r"(u)
            :
            : "memory");
}

/* The next outputs of a row. */
typedef struct {
    const int8_t *weights;
    const int32_t *bias;
    const int32_t *multiplier;
    int8_t *output;
    ec_riscv_output to;
} outputs;

static inline __attribute__((always_inline)) void store(const outputs *at, const int32_t *sums, uint32_t count, int8_t *output) {
#pragma GCC unroll 8
    for (uint32_t o = 0; o < count; o++) {
        output[o] = ec_riscv_requantize(sums[o], at->multiplier[o], at->to);
    }
}

static inline __attribute__((always_inline)) void advance(outputs *at, uint32_t outputs_done, uint32_t count) {
    at->weights += outputs_done * count;
    at->bias += outputs_done;
    at->multiplier += outputs_done;
    at->output += outputs_done;
}

static __attribute__((noinline)) outputs blocks_of_one(outputs at, const int8_t *input, uint32_t count, uint32_t blocks) {
    for (; blocks > 0; blocks--) {
        int32_t sums[EIGHT];
        eight_of_one(at.weights, input, count, at.bias, sums);
        store(&at, sums, EIGHT, at.output);
        advance(&at, EIGHT, count);
    }
    return at;
}

static __attribute__((noinline)) outputs blocks_of_two(outputs at, const int8_t *input, uint32_t count, uint32_t blocks, uint32_t pitch) {
    for (; blocks > 0; blocks--) {
        int32_t sums[2U * EIGHT];
        eight_of_two(at.weights, input, count, at.bias, sums);
        store(&at, sums, EIGHT, at.output);
        store(&at, sums + EIGHT, EIGHT, at.output + pitch);
        advance(&at, EIGHT, count);
    }
    return at;
}

/* Fewer than eight outputs of one row: four, then one at a time. */
static void few_of_one(outputs at, const int8_t *input, uint32_t count, uint32_t few) {
    const int8_t *end = input + count;
    if (few >= FOUR) {
        int32_t sums[FOUR] = {at.bias[0], at.bias[1], at.bias[2], at.bias[3]};
        const int8_t *weights = at.weights;
        for (const int8_t *x = input; x != end; x++) {
            sums[0] += *x * weights[0];
            sums[1] += *x * weights[1];
            sums[2] += *x * weights[2];
            sums[3] += *x * weights[3];
            weights += FOUR;
        }
        store(&at, sums, FOUR, at.output);
        advance(&at, FOUR, count);
        few -= FOUR;
    }
    for (; few > 0; few--) {
        int32_t sum = at.bias[0];
        const int8_t *weights = at.weights;
#pragma GCC unroll 4
        for (const int8_t *x = input; x != end; x++) {
            sum += *x * *weights++;
        }
        store(&at, &sum, 1, at.output);
        advance(&at, 1, count);
    }
}

void ec_fully_connected_s8_riscv(const ec_fully_connected_s8_params *params, const int8_t *input, int8_t *output) {
    const uint32_t count = params->input_n;
    const uint32_t blocks = params->output_n / EIGHT;
    uint32_t row = 0;
    while (row < params->rows) {
        outputs at = {params->weights,
                      params->bias,
                      params->multiplier,
                      output,
                      {params->output_zero_point, params->clamp_min, params->clamp_max, params->shift}};
        uint32_t rows = params->rows - row;
        if (rows == 1) {
            at = blocks_of_one(at, input, count, blocks);
        } else {
            rows = 2;
            at = blocks_of_two(at, input, count, blocks, params->output_n);
        }
        for (uint32_t i = 0; i < rows; i++) {
            few_of_one(at, input, count, params->output_n % EIGHT);
            input += count;
            at.output += params->output_n;
        }
        output += rows * params->output_n;
        row += rows;
    }
}
