/* ec_model.h - what every generated model looks like to its caller.
 *
 * A generated model is one `const ec_model` in flash. The caller owns one static arena:
 *
 *     static uint8_t arena[DIGITS_ARENA_BYTES] EC_ALIGNED(DIGITS_ARENA_ALIGNMENT);
 *     ec_context context;
 *     if (digits_init(&context, arena, sizeof arena) != EC_OK) { ... }
 *     memcpy(digits_input(&context), image, DIGITS_INPUT_BYTES);
 *     digits_run(&context);
 *     const int8_t *scores = digits_output(&context);
 *
 * Input and output live in the arena: write the input before every run (a run may overwrite it), read the output
 * before the next. Two contexts with two arenas may run at once: nothing else is mutable.
 */
#ifndef EC_MODEL_H
#define EC_MODEL_H

#include <stddef.h>
#include <stdint.h>

#if defined(__SIZEOF_INT__) && __SIZEOF_INT__ < 4
#error "edgecomp's kernels need a core whose int has 32 bits: 8-bit and 16-bit cores such as AVR and MSP430 cannot run them"
#endif

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define EC_ALIGNED(bytes) __attribute__((aligned(bytes)))
#define EC_MUST_CHECK __attribute__((warn_unused_result))
#else
#define EC_ALIGNED(bytes) _Alignas(bytes)
#define EC_MUST_CHECK
#endif

/* What `init` can say. */
typedef enum {
    EC_OK = 0,
    EC_ARENA_MISSING = 1,   /* context or arena is NULL */
    EC_ARENA_TOO_SMALL = 2, /* fewer bytes than the model's ARENA_BYTES */
    EC_ARENA_MISALIGNED = 3 /* not aligned to the model's ARENA_ALIGNMENT */
} ec_status;

/* Called after each layer with its index in execution order (0-based) and its output, valid during the call only. */
typedef void (*ec_observer)(void *user, uint32_t layer, const void *output, size_t output_bytes);

/* One running instance. Zero-initialised or filled by `init`; set `observer` afterwards, NULL for none. */
typedef struct {
    uint8_t *arena;       /* caller's memory, arena_bytes long */
    ec_observer observer; /* may be NULL */
    void *observer_user;  /* handed to the observer */
} ec_context;

/* One input or output of the model: real value = scale * (element - zero_point), scale = scale_mantissa * 2^scale_exponent. */
typedef struct {
    const char *name;      /* ONNX name */
    uint32_t arena_offset; /* bytes from the start of the arena */
    uint32_t bytes;        /* total size */
    uint32_t element_bytes;
    int32_t zero_point;
    uint32_t scale_mantissa; /* below 2^24; 0 where the element is the real value itself */
    int32_t scale_exponent;
} ec_tensor;

/* One layer, in execution order. */
typedef struct {
    const char *name;   /* ONNX name */
    const char *kernel; /* kernel that serves it */
    uint64_t macs;      /* multiply-accumulates of one inference */
} ec_layer;

/* A model: constant, in flash. */
typedef struct ec_model {
    const char *name;
    const char *sha256; /* of the quantized model, 64 hex digits */
    uint32_t arena_bytes;
    uint32_t arena_alignment; /* bytes, a power of two */
    uint32_t input_count;
    uint32_t output_count;
    uint32_t layer_count;
    const ec_tensor *inputs;
    const ec_tensor *outputs;
    const ec_layer *layers;
    ec_status (*init)(ec_context *context, void *arena, size_t arena_bytes);
    void (*run)(ec_context *context);
} ec_model;

#ifdef __cplusplus
}
#endif

#endif
