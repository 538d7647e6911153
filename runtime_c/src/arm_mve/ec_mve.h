/* ec_mve.h - what the kernels for M-profile vector instructions (Helium) share: the guard, lines of assembly, requantization.
 *
 * Inner loops are inline assembly, as compilers move the sums of VMLADAVA about, and as the order of instructions matters: a core of two
 * beats a cycle (Cortex-M55) overlaps a vector load with a multiplication that stands beside it, so the two alternate. What that gains
 * in cycles has not been measured: emulators count instructions only.
 */
#ifndef EC_MVE_H
#define EC_MVE_H

#if !defined(__ARM_FEATURE_MVE) || !(__ARM_FEATURE_MVE & 1)
#error "arm_mve kernels need M-profile vector instructions: compile with -mcpu=cortex-m55 or for another core that has them"
#endif

#include <arm_mve.h>
#include <stdint.h>

#define EC_MVE_BYTES 16U /* of a vector */

/* Lines of assembly; the names are those of operands. */
#define EC_MVE_LINE(text) text "\n"
#define EC_MVE_LOAD(to, from, offset) "vldrb.8 %q[" #to "], [%[" #from "], #" #offset "]\n"
#define EC_MVE_TAKE(to, from) "vldrb.8 %q[" #to "], [%[" #from "]], #16\n"
#define EC_MVE_TAKE_WORDS(to, from) "vldrw.32 %q[" #to "], [%[" #from "]], #16\n"
#define EC_MVE_MUL(sum, a, b) "vmladav.s8 %[" #sum "], %q[" #a "], %q[" #b "]\n"
#define EC_MVE_MAC(sum, a, b) "vmladava.s8 %[" #sum "], %q[" #a "], %q[" #b "]\n"
#define EC_MVE_LOW_LANES(to, lane0, lane1) "vmov %e[" #to "], %[" #lane0 "], %[" #lane1 "]\n"
#define EC_MVE_HIGH_LANES(to, lane2, lane3) "vmov %f[" #to "], %[" #lane2 "], %[" #lane3 "]\n"

/* Multiplier and zero point in one instruction: (2 * sum * multiplier + zero_point * 2^32 + 2^31) >> 32 is the rule of
 * ec_requantize.h exactly, as nothing saturates while 0 < multiplier < 2^30. */
#define EC_MVE_REQUANTIZE(sums, multiplier, zero_point, low, high)           \
    "vqrdmlash.s32 %q[" #sums "], %q[" #multiplier "], %[" #zero_point "]\n" \
    "vmax.s32 %q[" #sums "], %q[" #sums "], %q[" #low "]\n"                  \
    "vmin.s32 %q[" #sums "], %q[" #sums "], %q[" #high "]\n"

#endif
