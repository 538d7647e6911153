/* Where b lies transposed, two rows by two columns share every load; else one row takes four columns, whose elements are paired by two
 * rows of b. The zero point of a is subtracted while bytes are widened, that of b at the end, times the sum of a row. */
#include "ec_matmul_s8.h"

#include "ec_clamp_run.h"
#include "ec_lanes.h"

#define NOT_INLINED __attribute__((noinline)) /* inline assembly that needs every register */

/* The value in both lanes. */
static inline uint32_t both_lanes(int32_t value) { return ec_pack_low((uint32_t)value, (uint32_t)value); }

static inline int8_t scale(const ec_matmul_s8_params *p, int32_t sum) {
    return ec_saturate(ec_rescale((int32_t)((uint32_t)sum << p->shift), 2 * p->multiplier, p->output_zero_point));
}

/* Sum of a row of a, less its zero points. */
static int32_t sum_row(const ec_matmul_s8_params *p, const int8_t *a) {
    const uint32_t offsets = both_lanes(-p->a_zero_point);
    const uint32_t ones = both_lanes(1);
    uint32_t left = p->inner;
    int32_t sum = 0;
    for (; left >= 4; left -= 4) {
        const uint32_t word = ec_load_word(a);
        sum = ec_smlad(ec_sxtab16(offsets, word), ones, sum);
        sum = ec_smlad(ec_sxtab16_odd(offsets, word), ones, sum);
        a += 4;
    }
    for (; left > 0; left--) {
        sum += *a++ - p->a_zero_point;
    }
    return sum;
}

/* One row by one column of a transposed b. */
static int32_t dot(const ec_matmul_s8_params *p, const int8_t *a, const int8_t *b) {
    const uint32_t offsets = both_lanes(-p->a_zero_point);
    uint32_t left = p->inner;
    int32_t sum = 0;
    for (; left >= 4; left -= 4) {
        const uint32_t word_a = ec_load_word(a);
        const uint32_t word_b = ec_load_word(b);
        sum = ec_smlad(ec_sxtab16(offsets, word_a), ec_sxtb16(word_b), sum);
        sum = ec_smlad(ec_sxtab16_odd(offsets, word_a), ec_sxtb16_odd(word_b), sum);
        a += 4;
        b += 4;
    }
    for (; left > 0; left--) {
        sum += (*a++ - p->a_zero_point) * *b++;
    }
    return sum;
}

/* Two neighbouring rows by two neighbouring columns of a transposed b: sums of row 0, then of row 1. */
NOT_INLINED static void dot_two_by_two(const ec_matmul_s8_params *p, const int8_t *a, const int8_t *b, int32_t *sums) {
    const int32_t inner = (int32_t)p->inner;
    const int32_t left = inner % 4;
    const int8_t *end = a + inner - left;
    int32_t s00 = 0;
    int32_t s01 = 0;
    int32_t s10 = 0;
    int32_t s11 = 0;
    if (a != end) {
        const uint32_t offsets = both_lanes(-p->a_zero_point);
        uint32_t even0, odd0, even1, odd1, x, y;
        __asm__ volatile("1:\n\t"
                         "ldr %[odd1], [%[a], %[inner]]\n\t"
                         "ldr %[odd0], [%[a]], #4\n\t"
                         "ldr %[x], [%[b], %[inner]]\n\t"
                         "sxtab16 %[even0], %[offsets], %[odd0]\n\t"
                         "sxtab16 %[even1], %[offsets], %[odd1]\n\t"
                         "sxtab16 %[odd0], %[offsets], %[odd0], ror #8\n\t"
                         "sxtab16 %[odd1], %[offsets], %[odd1], ror #8\n\t"
                         "sxtb16 %[y], %[x]\n\t"
                         "sxtb16 %[x], %[x], ror #8\n\t"
                         "smlad %[s01], %[even0], %[y], %[s01]\n\t"
                         "smlad %[s11], %[even1], %[y], %[s11]\n\t"
                         "smlad %[s01], %[odd0], %[x], %[s01]\n\t"
                         "smlad %[s11], %[odd1], %[x], %[s11]\n\t"
                         "ldr %[x], [%[b]], #4\n\t"
                         "sxtb16 %[y], %[x]\n\t"
                         "sxtb16 %[x], %[x], ror #8\n\t"
                         "smlad %[s00], %[even0], %[y], %[s00]\n\t"
                         "smlad %[s10], %[even1], %[y], %[s10]\n\t"
                         "ldr %[y], %[end]\n\t"
                         "smlad %[s00], %[odd0], %[x], %[s00]\n\t"
                         "smlad %[s10], %[odd1], %[x], %[s10]\n\t"
                         "cmp %[a], %[y]\n\t"
                         "bne 1b"
                         : [s00] "+r"(s00), [s01] "+r"(s01), [s10] "+r"(s10), [s11] "+r"(s11), [a] "+r"(a), [b] "+r"(b),
                           [even0] "=&r"(even0), [odd0] "=&r"(odd0), [even1] "=&r"(even1), [odd1] "=&r"(odd1), [x] "=&r"(x), [y] "=&r"(y)
                         : [inner] "r"(inner), [offsets] "r"(offsets), [end] "m"(end)
                         : "cc", "memory");
    }
    for (int32_t i = 0; i < left; i++) {
        s00 += (a[i] - p->a_zero_point) * b[i];
        s01 += (a[i] - p->a_zero_point) * b[i + inner];
        s10 += (a[i + inner] - p->a_zero_point) * b[i];
        s11 += (a[i + inner] - p->a_zero_point) * b[i + inner];
    }
    sums[0] = s00;
    sums[1] = s01;
    sums[2] = s10;
    sums[3] = s11;
}

static void multiply_transposed_row(const ec_matmul_s8_params *p, const int8_t *a, const int8_t *b, int8_t *output) {
    const int32_t offset = p->b_zero_point * sum_row(p, a);
    for (uint32_t column = 0; column < p->columns; column++) {
        output[column] = scale(p, dot(p, a, b) - offset);
        b += p->inner;
    }
}

static void multiply_transposed_rows(const ec_matmul_s8_params *p, const int8_t *a, const int8_t *b, int8_t *output) {
    const int32_t offset0 = p->b_zero_point * sum_row(p, a);
    const int32_t offset1 = p->b_zero_point * sum_row(p, a + p->inner);
    int8_t *next = output + p->columns;
    uint32_t left = p->columns;
    for (; left >= 2; left -= 2) {
        int32_t sums[4];
        dot_two_by_two(p, a, b, sums);
        *output++ = scale(p, sums[0] - offset0);
        *output++ = scale(p, sums[1] - offset0);
        *next++ = scale(p, sums[2] - offset1);
        *next++ = scale(p, sums[3] - offset1);
        b += 2 * p->inner;
    }
    if (left > 0) {
        *output = scale(p, dot(p, a, b) - offset0);
        *next = scale(p, dot(p, a + p->inner, b) - offset1);
    }
}

/* One row by four neighbouring columns. */
NOT_INLINED static void dot_four(const ec_matmul_s8_params *p, const int8_t *a, const int8_t *b, int32_t *sums) {
    const int32_t columns = (int32_t)p->columns;
    int32_t s0 = 0;
    int32_t s1 = 0;
    int32_t s2 = 0;
    int32_t s3 = 0;
    uint32_t quads = p->inner / 4;
    if (quads > 0) {
        const uint32_t offsets = both_lanes(-p->a_zero_point);
        uint32_t even, odd, x, y, z;
        __asm__ volatile("1:\n\t"
                         "ldr %[odd], [%[a]], #4\n\t"
                         "ldr %[x], [%[b]]\n\t"
                         "ldr %[y], [%[b], %[columns], lsl #1]\n\t"
                         "sxtab16 %[even], %[offsets], %[odd]\n\t"
                         "sxtab16 %[odd], %[offsets], %[odd], ror #8\n\t"
                         "pkhbt %[z], %[x], %[y], lsl #16\n\t"
                         "pkhtb %[y], %[y], %[x], asr #16\n\t"
                         "sxtb16 %[x], %[z]\n\t"
                         "sxtb16 %[z], %[z], ror #8\n\t"
                         "smlad %[s0], %[even], %[x], %[s0]\n\t"
                         "smlad %[s1], %[even], %[z], %[s1]\n\t"
                         "sxtb16 %[x], %[y]\n\t"
                         "sxtb16 %[y], %[y], ror #8\n\t"
                         "add %[b], %[b], %[columns]\n\t"
                         "smlad %[s2], %[even], %[x], %[s2]\n\t"
                         "smlad %[s3], %[even], %[y], %[s3]\n\t"
                         "ldr %[x], [%[b]]\n\t"
                         "ldr %[y], [%[b], %[columns], lsl #1]\n\t"
                         "add %[b], %[b], %[columns]\n\t"
                         "add %[b], %[b], %[columns], lsl #1\n\t"
                         "pkhbt %[z], %[x], %[y], lsl #16\n\t"
                         "pkhtb %[y], %[y], %[x], asr #16\n\t"
                         "sxtb16 %[x], %[z]\n\t"
                         "sxtb16 %[z], %[z], ror #8\n\t"
                         "smlad %[s0], %[odd], %[x], %[s0]\n\t"
                         "smlad %[s1], %[odd], %[z], %[s1]\n\t"
                         "sxtb16 %[x], %[y]\n\t"
                         "sxtb16 %[y], %[y], ror #8\n\t"
                         "smlad %[s2], %[odd], %[x], %[s2]\n\t"
                         "smlad %[s3], %[odd], %[y], %[s3]\n\t"
                         "subs %[quads], %[quads], #1\n\t"
                         "bne 1b"
                         : [s0] "+r"(s0), [s1] "+r"(s1), [s2] "+r"(s2), [s3] "+r"(s3), [a] "+r"(a), [b] "+r"(b), [quads] "+r"(quads),
                           [even] "=&r"(even), [odd] "=&r"(odd), [x] "=&r"(x), [y] "=&r"(y), [z] "=&r"(z)
                         : [columns] "r"(columns), [offsets] "r"(offsets)
                         : "cc", "memory");
    }
    for (uint32_t left = p->inner % 4; left > 0; left--) {
        const int32_t value = *a++ - p->a_zero_point;
        s0 += value * b[0];
        s1 += value * b[1];
        s2 += value * b[2];
        s3 += value * b[3];
        b += columns;
    }
    sums[0] = s0;
    sums[1] = s1;
    sums[2] = s2;
    sums[3] = s3;
}

/* One row by all columns; the last four may overlap those before. */
static void multiply_row(const ec_matmul_s8_params *p, const int8_t *a, const int8_t *b, int8_t *output) {
    const int32_t offset = p->b_zero_point * sum_row(p, a);
    const uint32_t columns = p->columns;
    if (columns < 4) {
        for (uint32_t column = 0; column < columns; column++) {
            int32_t sum = 0;
            for (uint32_t i = 0; i < p->inner; i++) {
                sum += (a[i] - p->a_zero_point) * b[i * columns + column];
            }
            output[column] = scale(p, sum - offset);
        }
        return;
    }
    for (uint32_t first = 0; first < columns; first += 4) {
        const uint32_t column = first < columns - 4 ? first : columns - 4;
        int32_t sums[4];
        dot_four(p, a, b + column, sums);
        for (uint32_t i = 0; i < 4; i++) {
            output[column + i] = scale(p, sums[i] - offset);
        }
    }
}

static void multiply(const ec_matmul_s8_params *p, const int8_t *a, const int8_t *b, int8_t *output) {
    uint32_t left = p->rows;
    if (p->b_transposed) {
        for (; left >= 2; left -= 2) {
            multiply_transposed_rows(p, a, b, output);
            a += 2 * p->inner;
            output += 2 * p->columns;
        }
    }
    for (; left > 0; left--) {
        if (p->b_transposed) {
            multiply_transposed_row(p, a, b, output);
        } else {
            multiply_row(p, a, b, output);
        }
        a += p->inner;
        output += p->columns;
    }
}

void ec_matmul_s8_arm_dsp(const ec_matmul_s8_params *params, const int8_t *a, const int8_t *b, int8_t *output) {
    const uint32_t size = params->rows * params->columns;
    for (uint32_t n = 0; n < params->batch; n++) {
        multiply(params, a, b, output + n * size);
        a += params->a_batch_stride;
        b += params->b_batch_stride;
    }
    ec_clamp_run(output, params->batch * size, params->clamp_min, params->clamp_max);
}
