/* SPDX-License-Identifier: MIT */
#include "doctor/report.h"

#include "json/tree.h"

#include <stdarg.h>
#include <stdio.h>

static const char *const names[] = {"note", "unknown", "warning", "error"};

void
findings_add(struct findings *f, enum severity severity, const char *id, const char *format, ...)
{
	struct finding *finding = f->n == FINDINGS_MAX ? NULL : &f->all[f->n++];
	va_list args;
	f->last = finding;
	if (finding == NULL)
		return;
	finding->severity = severity;
	finding->id = id;
	finding->cure[0] = '\0';
	va_start(args, format);
	vsnprintf(finding->what, sizeof finding->what, format, args);
	va_end(args);
}

void
findings_cure(struct findings *f, const char *format, ...)
{
	va_list args;
	if (f->last == NULL)
		return;
	va_start(args, format);
	vsnprintf(f->last->cure, sizeof f->last->cure, format, args);
	va_end(args);
}

static bool
has(const struct findings *f, enum severity severity)
{
	for (size_t i = 0; i < f->n; i++)
		if (f->all[i].severity == severity)
			return true;
	return false;
}

int
findings_status(const struct findings *f)
{
	if (has(f, SEVERITY_ERROR) || has(f, SEVERITY_WARNING))
		return 1;
	return has(f, SEVERITY_UNKNOWN) ? 2 : 0;
}

static void
print_all(const struct findings *f, enum severity severity)
{
	for (size_t i = 0; i < f->n; i++) {
		const struct finding *finding = &f->all[i];
		if (finding->severity != severity)
			continue;
		printf("%s: %s (%s)\n", names[severity], finding->what, finding->id);
		if (finding->cure[0] != '\0')
			printf("    %s\n", finding->cure);
	}
}

void
findings_print(const struct findings *f, bool notes)
{
	print_all(f, SEVERITY_ERROR);
	print_all(f, SEVERITY_WARNING);
	print_all(f, SEVERITY_UNKNOWN);
	if (notes)
		print_all(f, SEVERITY_NOTE);
}

json_object *
findings_json(const struct findings *f)
{
	json_object *array = json_object_new_array();
	for (size_t i = 0; array != NULL && i < f->n; i++) {
		const struct finding *finding = &f->all[i];
		json_object *o = json_object_new_object();
		tree_put(o, "id", json_object_new_string(finding->id));
		tree_put(o, "severity", json_object_new_string(names[finding->severity]));
		tree_put(o, "what", json_object_new_string(finding->what));
		tree_put(o, "cure", json_object_new_string(finding->cure));
		tree_add(array, o);
	}
	return array;
}
