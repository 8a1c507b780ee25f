/* SPDX-License-Identifier: MIT */
#include "client/refusal.h"

#include <stdarg.h>
#include <stdio.h>

const struct refusal refusal_none = {0};
const struct refusal refusal_out_of_memory = {503, "api_error", "Out of memory. Try again.", NULL};

struct refusal
refusal_make(int status, const char *type, const char *format, ...)
{
	struct refusal refusal = {.status = status, .type = type};
	va_list args;
	va_start(args, format);
	vsnprintf(refusal.message, sizeof refusal.message, format, args);
	va_end(args);
	return refusal;
}
