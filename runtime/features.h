/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The features structure of the runtime-spec (features.md, features-linux.md). */
#ifndef RUNTIME_FEATURES_H
#define RUNTIME_FEATURES_H

#include "base/json.h"

/* Writes the object. Needs no privileges and changes nothing. CHECKPOINT: there are the verbs. */
void features_put(struct json_writer *w, bool checkpoint);

#endif
