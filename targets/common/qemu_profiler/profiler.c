/* profiler.c - QEMU TCG plugin: how often each block of instructions ran, and how often it ended in a taken branch, by section.
 *
 *     -plugin profiler.so,out=FILE,mark=ADDRESS,period=P
 *
 * A section ends each time the function at ADDRESS is entered. Section s collects the blocks run while the number of entries so
 * far is s + 1 modulo P, so that a program that enters the mark P times per repetition fills P sections however often it repeats.
 * Blocks run before the first entry, and the mark function itself, are not counted.
 *
 * FILE gets a line "marks N", then for each block and section that ran
 *     block ADDRESS INSTRUCTIONS SECTION EXECUTED TAKEN          (ADDRESS hexadecimal)
 * A block is a QEMU translation block: straight-line code that ends at the latest with a branch. TAKEN counts how often the next
 * block did not follow in memory.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "qemu_plugin_api.h"

#define EXPORT __attribute__((visibility("default")))
#define BUCKETS 16384u

struct counter {
    uint64_t executed;
    uint64_t taken;
};

struct block {
    struct block *next_in_bucket;
    struct block *next;
    uint64_t address;
    uint64_t end; /* first address behind it */
    size_t instructions;
    int is_mark;
    struct counter sections[];
};

static struct {
    struct block *buckets[BUCKETS];
    struct block *blocks; /* all of them */
    FILE *out;
    uint64_t mark_address;
    uint64_t marks;
    unsigned period;
    unsigned section;
    uint64_t previous_end;
    struct counter *previous; /* where to count that the previous block branched, or NULL */
} profile;

EXPORT int qemu_plugin_version = QEMU_PLUGIN_API_VERSION;

static struct block *find_block(uint64_t address, size_t instructions, uint64_t end) {
    struct block **bucket = &profile.buckets[(address >> 1) % BUCKETS];
    for (struct block *block = *bucket; block != NULL; block = block->next_in_bucket) {
        if (block->address == address && block->instructions == instructions) {
            return block;
        }
    }
    struct block *block = calloc(1, sizeof *block + profile.period * sizeof block->sections[0]);
    if (block == NULL) {
        abort();
    }
    block->address = address;
    block->end = end;
    block->instructions = instructions;
    block->is_mark = address == profile.mark_address;
    block->next_in_bucket = *bucket;
    *bucket = block;
    block->next = profile.blocks;
    profile.blocks = block;
    return block;
}

static void count_block(unsigned int cpu, void *user) {
    (void)cpu;
    struct block *block = user;
    if (profile.previous != NULL && profile.previous_end != block->address) {
        profile.previous->taken++;
    }
    if (block->is_mark) {
        profile.section = (unsigned)(profile.marks++ % profile.period);
        profile.previous = NULL;
        return;
    }
    if (profile.marks == 0) {
        return;
    }
    struct counter *counter = &block->sections[profile.section];
    counter->executed++;
    profile.previous = counter;
    profile.previous_end = block->end;
}

static void watch_block(qemu_plugin_id_t id, struct qemu_plugin_tb *translated) {
    (void)id;
    const size_t instructions = qemu_plugin_tb_n_insns(translated);
    const uint64_t address = qemu_plugin_tb_vaddr(translated);
    uint64_t end = address;
    for (size_t i = 0; i < instructions; i++) {
        end += qemu_plugin_insn_size(qemu_plugin_tb_get_insn(translated, i));
    }
    qemu_plugin_register_vcpu_tb_exec_cb(translated, count_block, QEMU_PLUGIN_CB_NO_REGS, find_block(address, instructions, end));
}

static void write_profile(qemu_plugin_id_t id, void *user) {
    (void)id;
    (void)user;
    fprintf(profile.out, "marks %" PRIu64 "\n", profile.marks);
    for (const struct block *block = profile.blocks; block != NULL; block = block->next) {
        for (unsigned section = 0; section < profile.period; section++) {
            const struct counter *counter = &block->sections[section];
            if (counter->executed != 0) {
                fprintf(profile.out, "block %" PRIx64 " %zu %u %" PRIu64 " %" PRIu64 "\n", block->address, block->instructions, section,
                        counter->executed, counter->taken);
            }
        }
    }
    fclose(profile.out);
}

EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const struct qemu_info_t *info, int argument_count, char **arguments) {
    (void)info;
    for (int i = 0; i < argument_count; i++) {
        if (strncmp(arguments[i], "out=", 4) == 0) {
            profile.out = fopen(arguments[i] + 4, "w");
        } else if (strncmp(arguments[i], "mark=", 5) == 0) {
            profile.mark_address = strtoull(arguments[i] + 5, NULL, 0);
        } else if (strncmp(arguments[i], "period=", 7) == 0) {
            profile.period = (unsigned)strtoul(arguments[i] + 7, NULL, 0);
        } else {
            fprintf(stderr, "profiler: unknown argument %s; allowed: out, mark, period\n", arguments[i]);
            return -1;
        }
    }
    if (profile.out == NULL || profile.period == 0) {
        fprintf(stderr, "profiler: out=FILE (writable) and period=P (positive) are needed\n");
        return -1;
    }
    qemu_plugin_register_vcpu_tb_trans_cb(id, watch_block);
    qemu_plugin_register_atexit_cb(id, write_profile, NULL);
    return 0;
}
