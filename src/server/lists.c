/* What every room declares, gathered: one line a room and kind. */
#include "base/check.h"
#include "commands/connection.h"
#include "commands/generic.h"
#include "commands/string.h"
#include "exec/executor.h"
#include "exec/introspect.h"
#include "observe/observe.h"
#include "persist/persist.h"
#include "server/config.h"
#include "server/debug.h"
#include "server/server.h"
#include "server/settings.h"

const struct command_list server_command_lists[] = {
    {connection_commands}, {string_commands}, {generic_commands}, {introspect_commands},
    {persist_commands},    {observe_commands}, {config_commands}, {shutdown_commands},
    {debug_commands},
};
const unsigned server_command_list_count = countof(server_command_lists);

const struct metric_list server_metric_lists[] = {
    {server_metrics, server_metric_count},
};
const unsigned server_metric_list_count = countof(server_metric_lists);
