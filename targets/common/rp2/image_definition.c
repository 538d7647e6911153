/* image_definition.c - the block by which RP2350's boot ROM knows a program, in the first 4 KB of flash (RP2350 Datasheet section
 * 5.9). Its items: what the image is, where it starts, and the last, which counts the words of the others. */
#include <stdint.h>

#define BLOCK_START 0xFFFFDED3u /* 5.9.1 */
#define BLOCK_END 0xAB123579u
#define ITEM_IMAGE_TYPE 0x42u   /* 5.9.3.1; an item's low bytes are its kind and its size in words */
#define ITEM_VECTOR_TABLE 0x03u /* 5.9.3.3 */
#define ITEM_ENTRY_POINT 0x44u  /* 5.9.3.4 */
#define ITEM_LAST 0xFFu
#define WORDS(count) ((count) << 8)
#define TYPE_EXECUTABLE (1u << 16)
#define TYPE_SECURE (2u << 20)
#define TYPE_RISCV (1u << 24)
#define TYPE_RP2350 (1u << 28)
#define NO_OTHER_BLOCK 0u /* the loop of blocks ends where it begins */

/* Defined by the board's linker script and by the start-up. */
extern const uint32_t ec_vector_table[];
extern uint8_t ec_stack_top[];
void ec_reset(void);

#if defined(__riscv)
struct image_definition {
    uint32_t start, type, entry_item;
    void (*entry)(void);
    const uint8_t *stack_top;
    uint32_t last, next, end;
};

__attribute__((section(".image_definition"), used)) static const struct image_definition definition = {
    BLOCK_START,
    ITEM_IMAGE_TYPE | WORDS(1u) | TYPE_EXECUTABLE | TYPE_RISCV | TYPE_RP2350,
    ITEM_ENTRY_POINT | WORDS(3u),
    ec_reset,
    ec_stack_top,
    ITEM_LAST | WORDS(4u),
    NO_OTHER_BLOCK,
    BLOCK_END,
};
#else
struct image_definition {
    uint32_t start, type, vectors_item;
    const uint32_t *vectors;
    uint32_t last, next, end;
};

__attribute__((section(".image_definition"), used)) static const struct image_definition definition = {
    BLOCK_START,
    ITEM_IMAGE_TYPE | WORDS(1u) | TYPE_EXECUTABLE | TYPE_SECURE | TYPE_RP2350,
    ITEM_VECTOR_TABLE | WORDS(2u),
    ec_vector_table,
    ITEM_LAST | WORDS(3u),
    NO_OTHER_BLOCK,
    BLOCK_END,
};
#endif
