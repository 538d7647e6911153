#include "ec_lut_s8.h"

#include "ec_mve.h"

/* Sixteen look-ups are one gather; the bytes of values, their sign turned, count from the table's start. */
void ec_lut_s8_arm_mve(const ec_lut_s8_params *params, const int8_t *input, int8_t *output) {
    uint8x16_t v, w;
    __asm__ volatile("wlstp.8 lr, %[count], 2f\n"
                     "1:\n"
                     "vldrb.8 %q[v], [%[input]], #16\n"
                     "veor %q[v], %q[v], %q[sign]\n"
                     "vldrb.u8 %q[w], [%[table], %q[v]]\n"
                     "vstrb.8 %q[w], [%[output]], #16\n"
                     "letp lr, 1b\n"
                     "2:\n"
                     : [input] "+r"(input), [output] "+r"(output), [v] "=&w"(v), [w] "=&w"(w)
                     : [count] "r"(params->count), [table] "r"(params->table), [sign] "w"(vdupq_n_u8(0x80))
                     : "lr", "memory");
}
