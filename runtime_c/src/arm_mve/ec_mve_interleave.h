/* ec_mve_interleave.h - four rows of bytes become words of four: VST4 stores sixteen at once. */
#ifndef EC_MVE_INTERLEAVE_H
#define EC_MVE_INTERLEAVE_H

#include "ec_mve.h"

#define EC_MVE_ROWS 4U

typedef struct {
    const int8_t *row[EC_MVE_ROWS];
} ec_mve_rows;

static inline void ec_mve_advance(ec_mve_rows *rows, uint32_t bytes) {
    for (uint32_t i = 0; i < EC_MVE_ROWS; i++) {
        rows->row[i] += bytes;
    }
}

#define EC_MVE_STORE_WORDS(last)                     \
    EC_MVE_LINE("vst40.8 {q0, q1, q2, q3}, [%[to]]") \
    EC_MVE_LINE("vst41.8 {q0, q1, q2, q3}, [%[to]]") \
    EC_MVE_LINE("vst42.8 {q0, q1, q2, q3}, [%[to]]") \
    EC_MVE_LINE("vst43.8 {q0, q1, q2, q3}, [%[to]]" last)

/* Up to sixteen words (room for sixteen is needed), of the bytes that `offsets` names in each row, `times` times from places `step` bytes
 * apart; to_step bytes apart they go. The predicate register is handed back as it was. */
static inline void ec_mve_interleave_some(const ec_mve_rows *rows, uint8x16_t offsets, uint32_t bytes, uint32_t step, uint32_t times,
                                          int8_t *to, uint32_t to_step) {
    const int8_t *p0 = rows->row[0], *p1 = rows->row[1], *p2 = rows->row[2], *p3 = rows->row[3];
    uint32_t predicate;
    __asm__ volatile("vmrs %[predicate], p0\n"
                     "vctp.8 %[bytes]\n"
                     "dls lr, %[times]\n"
                     "1:\n"
                     "vpstttt\n"
                     "vldrbt.u8 q0, [%[p0], %q[offsets]]\n"
                     "vldrbt.u8 q1, [%[p1], %q[offsets]]\n"
                     "vldrbt.u8 q2, [%[p2], %q[offsets]]\n"
                     "vldrbt.u8 q3, [%[p3], %q[offsets]]\n" EC_MVE_STORE_WORDS("") "add %[p0], %[p0], %[step]\n"
                                                                                   "add %[p1], %[p1], %[step]\n"
                                                                                   "add %[p2], %[p2], %[step]\n"
                                                                                   "add %[p3], %[p3], %[step]\n"
                                                                                   "add %[to], %[to], %[to_step]\n"
                                                                                   "le lr, 1b\n"
                                                                                   "vmsr p0, %[predicate]\n"
                     : [p0] "+r"(p0), [p1] "+r"(p1), [p2] "+r"(p2), [p3] "+r"(p3), [to] "+r"(to), [predicate] "=&r"(predicate)
                     : [bytes] "r"(bytes), [times] "r"(times), [step] "r"(step), [to_step] "r"(to_step), [offsets] "w"(offsets)
                     : "lr", "memory", "q0", "q1", "q2", "q3");
}

/* `bytes` words; the last sixteen reach back over words that are done already. */
static inline void ec_mve_interleave(const ec_mve_rows *rows, uint32_t bytes, int8_t *to) {
    if (bytes < EC_MVE_BYTES) {
        ec_mve_interleave_some(rows, vidupq_n_u8(0, 1), bytes, 0, 1, to, 0);
        return;
    }
    const int8_t *p0 = rows->row[0], *p1 = rows->row[1], *p2 = rows->row[2], *p3 = rows->row[3];
    uint32_t rest = bytes % EC_MVE_BYTES;
    __asm__ volatile("dls lr, %[vectors]\n"
                     "1:\n"
                     "vldrb.8 q0, [%[p0]], #16\n"
                     "vldrb.8 q1, [%[p1]], #16\n"
                     "vldrb.8 q2, [%[p2]], #16\n"
                     "vldrb.8 q3, [%[p3]], #16\n" EC_MVE_STORE_WORDS("!") "le lr, 1b\n"
                                                                          "cbz %[rest], 2f\n"
                                                                          "sub %[rest], %[rest], #16\n"
                                                                          "add %[p0], %[p0], %[rest]\n"
                                                                          "add %[p1], %[p1], %[rest]\n"
                                                                          "add %[p2], %[p2], %[rest]\n"
                                                                          "add %[p3], %[p3], %[rest]\n"
                                                                          "add %[to], %[to], %[rest], lsl #2\n"
                                                                          "movs %[rest], #0\n"
                                                                          "mov lr, #1\n"
                                                                          "b 1b\n"
                                                                          "2:\n"
                     : [p0] "+r"(p0), [p1] "+r"(p1), [p2] "+r"(p2), [p3] "+r"(p3), [to] "+r"(to), [rest] "+l"(rest)
                     : [vectors] "r"(bytes / EC_MVE_BYTES)
                     : "lr", "cc", "memory", "q0", "q1", "q2", "q3");
}

#endif
