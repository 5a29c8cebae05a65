/* `tarn-server --dump-directives`: the declarations as text, from which scripts/manual.sh writes tarn.conf(5) and completions. */
#ifndef TARN_SERVER_CONFIG_DUMP_H
#define TARN_SERVER_CONFIG_DUMP_H

#include "base/config.h"

/* One line each on standard output, by tabs: name, alias, values, default, flags; "-" where there is none. Hidden ones are left
 * out. */
void config_dump(const struct directive_list *lists, unsigned count);

#endif
