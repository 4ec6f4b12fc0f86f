/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What was built: "0.1.0", and the revision it was built from ("unknown" outside of git). */
#pragma once

const char *weir_version(void);
const char *weir_revision(void);
