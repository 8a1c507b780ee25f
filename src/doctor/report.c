/* SPDX-License-Identifier: MIT */
#include "doctor/report.h"

#include "json/tree.h"

#include <stdarg.h>
#include <stdio.h>

static const char *const names[] = {"note", "unknown", "warning", "error"};

void
report_add(struct report *report, enum severity severity, const char *id, const char *format, ...)
{
	struct finding *finding =
	    report->n == REPORT_FINDINGS_MAX ? NULL : &report->findings[report->n++];
	va_list args;
	report->last = finding;
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
report_cure(struct report *report, const char *format, ...)
{
	va_list args;
	if (report->last == NULL)
		return;
	va_start(args, format);
	vsnprintf(report->last->cure, sizeof report->last->cure, format, args);
	va_end(args);
}

static bool
has(const struct report *report, enum severity severity)
{
	for (size_t i = 0; i < report->n; i++)
		if (report->findings[i].severity == severity)
			return true;
	return false;
}

int
report_exit_status(const struct report *report)
{
	if (has(report, SEVERITY_ERROR) || has(report, SEVERITY_WARNING))
		return 1;
	return has(report, SEVERITY_UNKNOWN) ? 2 : 0;
}

static void
print_all(const struct report *report, enum severity severity)
{
	for (size_t i = 0; i < report->n; i++) {
		const struct finding *finding = &report->findings[i];
		if (finding->severity != severity)
			continue;
		printf("%s: %s (%s)\n", names[severity], finding->what, finding->id);
		if (finding->cure[0] != '\0')
			printf("    %s\n", finding->cure);
	}
}

void
report_print(const struct report *report, bool notes)
{
	print_all(report, SEVERITY_ERROR);
	print_all(report, SEVERITY_WARNING);
	print_all(report, SEVERITY_UNKNOWN);
	if (notes)
		print_all(report, SEVERITY_NOTE);
}

json_object *
report_json(const struct report *report)
{
	json_object *array = json_object_new_array();
	for (size_t i = 0; array != NULL && i < report->n; i++) {
		const struct finding *finding = &report->findings[i];
		json_object *o = json_object_new_object();
		tree_put(o, "id", json_object_new_string(finding->id));
		tree_put(o, "severity", json_object_new_string(names[finding->severity]));
		tree_put(o, "what", json_object_new_string(finding->what));
		tree_put(o, "cure", json_object_new_string(finding->cure));
		tree_add(array, o);
	}
	return array;
}
