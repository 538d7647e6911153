/* ec_mve_runs.h - copies of many short runs of bytes. */
#ifndef EC_MVE_RUNS_H
#define EC_MVE_RUNS_H

#include "ec_mve.h"

/* Runs of `size` bytes go to places to_step bytes apart. */
typedef struct {
    uint32_t size;
    uint32_t to_step;
    uint32_t together;  /* short runs that one vector scatters where they come from one place; 1: runs are copied one by one */
    uint8x16_t scatter; /* where the bytes of a vector go */
} ec_mve_runs;

static inline ec_mve_runs ec_mve_make_runs(uint32_t size, uint32_t to_step) {
    const uint32_t reached = UINT8_MAX / to_step + 1U; /* by offsets of a byte */
    const uint32_t fit = EC_MVE_BYTES / size;
    uint8_t offsets[EC_MVE_BYTES] = {0};
    ec_mve_runs r;
    r.size = size;
    r.to_step = to_step;
    r.together = fit < 2U ? 1U : fit < reached ? fit : reached;
    for (uint32_t i = 0; i < r.together * size && i < EC_MVE_BYTES; i++) {
        offsets[i] = (uint8_t)(i / size * to_step + i % size);
    }
    r.scatter = vldrbq_u8(offsets);
    return r;
}

/* Vectors of `bytes` bytes each; the predicate register is handed back as it was, as compilers know of no clobber by its name. */
static inline void ec_mve_scatter(const ec_mve_runs *r, const int8_t *from, int8_t *to, uint32_t vectors, uint32_t bytes) {
    uint32_t predicate;
    int8x16_t v;
    __asm__ volatile("vmrs %[predicate], p0\n"
                     "vctp.8 %[bytes]\n"
                     "dls lr, %[vectors]\n"
                     "1:\n"
                     "vpstt\n"
                     "vldrbt.8 %q[v], [%[from]]\n"
                     "vstrbt.8 %q[v], [%[to], %q[scatter]]\n"
                     "add %[from], %[from], %[bytes]\n"
                     "add %[to], %[to], %[step]\n"
                     "le lr, 1b\n"
                     "vmsr p0, %[predicate]\n"
                     : [from] "+r"(from), [to] "+r"(to), [v] "=&w"(v), [predicate] "=&r"(predicate)
                     : [vectors] "r"(vectors), [bytes] "r"(bytes), [step] "r"(r->together * r->to_step), [scatter] "w"(r->scatter)
                     : "lr", "memory");
}

static inline void ec_mve_copy(const int8_t *from, int8_t *to, uint32_t bytes) {
    int8x16_t v;
    __asm__ volatile("wlstp.8 lr, %[bytes], 2f\n"
                     "1:\n"
                     "vldrb.8 %q[v], [%[from]], #16\n"
                     "vstrb.8 %q[v], [%[to]], #16\n"
                     "letp lr, 1b\n"
                     "2:\n"
                     : [from] "+r"(from), [to] "+r"(to), [v] "=&w"(v)
                     : [bytes] "r"(bytes)
                     : "lr", "memory");
}

static inline void ec_mve_fill(int8_t *to, int8_t value, uint32_t bytes) {
    __asm__ volatile("wlstp.8 lr, %[bytes], 2f\n"
                     "1:\n"
                     "vstrb.8 %q[v], [%[to]], #16\n"
                     "letp lr, 1b\n"
                     "2:\n"
                     : [to] "+r"(to)
                     : [bytes] "r"(bytes), [v] "w"(vdupq_n_s8(value))
                     : "lr", "memory");
}

/* Runs of any size, from_step bytes apart. */
static inline void ec_mve_copy_each(const ec_mve_runs *r, const int8_t *from, uint32_t from_step, int8_t *to, uint32_t count) {
    const uint32_t copied = (r->size + EC_MVE_BYTES - 1U) / EC_MVE_BYTES * EC_MVE_BYTES; /* what pointers advance by */
    int8x16_t v;
    __asm__ volatile("1:\n"
                     "dlstp.8 lr, %[size]\n"
                     "2:\n"
                     "vldrb.8 %q[v], [%[from]], #16\n"
                     "vstrb.8 %q[v], [%[to]], #16\n"
                     "letp lr, 2b\n"
                     "subs %[count], %[count], #1\n"
                     "add %[from], %[from], %[from_skip]\n"
                     "add %[to], %[to], %[to_skip]\n"
                     "bne 1b\n"
                     : [from] "+r"(from), [to] "+r"(to), [count] "+r"(count), [v] "=&w"(v)
                     : [size] "r"(r->size), [from_skip] "r"(from_step - copied), [to_skip] "r"(r->to_step - copied)
                     : "lr", "cc", "memory");
}

static inline void ec_mve_copy_runs(const ec_mve_runs *r, const int8_t *from, uint32_t from_step, int8_t *to, uint32_t count) {
    if (r->together > 1 && from_step == r->size) {
        const uint32_t vectors = count / r->together;
        const uint32_t rest = count % r->together;
        if (vectors > 0) {
            ec_mve_scatter(r, from, to, vectors, r->together * r->size);
            from += vectors * r->together * r->size;
            to += vectors * r->together * r->to_step;
        }
        if (rest > 0) {
            ec_mve_scatter(r, from, to, 1, rest * r->size);
        }
    } else if (count > 0) {
        ec_mve_copy_each(r, from, from_step, to, count);
    }
}

static inline void ec_mve_fill_runs(const ec_mve_runs *r, int8_t value, int8_t *to, uint32_t count) {
    for (; count > 0; count--) {
        ec_mve_fill(to, value, r->size);
        to += r->to_step;
    }
}

#endif
