/* ec_harness.h - what the build tells every harness; it writes the definitions beside the model. */
#ifndef EC_HARNESS_H
#define EC_HARNESS_H

#include "ec_model.h"

/* The model of this image. */
extern const ec_model *const ec_harness_model;

/* Hash of all that went into this image, 64 hex digits. */
extern const char ec_image_id[];

#endif
