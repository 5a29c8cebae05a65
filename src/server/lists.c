/* What every room declares, gathered: one line a room and kind. */
#include "base/check.h"
#include "commands/bitmap.h"
#include "commands/connection.h"
#include "commands/generic.h"
#include "commands/geo.h"
#include "commands/hash.h"
#include "commands/hyperloglog.h"
#include "commands/list.h"
#include "commands/pubsub.h"
#include "commands/set.h"
#include "commands/sort.h"
#include "commands/sorted_set.h"
#include "commands/stream.h"
#include "commands/string.h"
#include "commands/transaction.h"
#include "exec/executor.h"
#include "exec/introspect.h"
#include "exec/metrics.h"
#include "observe/analysis.h"
#include "observe/observe.h"
#include "observe/observer.h"
#include "persist/persist.h"
#include "server/config.h"
#include "server/debug.h"
#include "server/defrag.h"
#include "server/migrate.h"
#include "server/server.h"
#include "server/settings.h"

const struct command_list *server_command_lists(unsigned *count) {
    static const struct command_list lists[] = {
        {connection_commands},  {string_commands},  {bitmap_commands},     {hyperloglog_commands},
        {list_commands},        {set_commands},     {sorted_set_commands}, {hash_commands},
        {stream_commands},      {geo_commands},     {generic_commands},    {sort_commands},
        {transaction_commands}, {pubsub_commands},  {introspect_commands}, {persist_commands},
        {aof_commands},         {observe_commands}, {config_commands},     {shutdown_commands},
        {debug_commands},       {migrate_commands},
    };
    *count = countof(lists);
    return lists;
}

const struct directive_list *server_directive_lists(unsigned *count) {
    static struct directive_list lists[8];
    lists[0] = settings_directives;
    lists[1] = persist_directives;
    lists[2] = observe_directives;
    lists[3] = hyperloglog_directives;
    lists[4] = inert_directives;
    lists[5] = observer_directives;
    lists[6] = analysis_directives;
    lists[7] = hotkeys_directives;
    *count = countof(lists);
    return lists;
}

const struct metric_list *server_metric_lists(unsigned *count) {
    static struct metric_list lists[4];
    lists[0] = (struct metric_list){server_metrics, server_metric_count};
    lists[1] = (struct metric_list){executor_metrics, executor_metric_count};
    lists[2] = (struct metric_list){persist_metrics, persist_metric_count};
    lists[3] = defrag_metrics;
    *count = countof(lists);
    return lists;
}
