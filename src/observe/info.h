/* INFO as text, from the metric rows of all rooms. Executor thread only. */
#ifndef TARN_OBSERVE_INFO_H
#define TARN_OBSERVE_INFO_H

#include "base/metric.h"
#include "mem/buf.h"

/* A set of sections, one bit each. */
typedef uint32_t info_sections;

/* What INFO without arguments shows. */
info_sections info_default(void);
/* Of one argument in any case: a section, "default", "all" or "everything"; 0 when unknown. */
info_sections info_named(struct slice name);
/* "# Section" heads and "field:value" lines with CRLF, a blank line between sections, in the order in which Redis prints
 * them, whatever the order of the arguments. About 20 us for all. */
void info_print(info_sections sections, struct buf *out);

/* One value as INFO prints it. */
void info_format(const struct metric_value *value, struct buf *out);

#endif
