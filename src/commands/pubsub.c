/* The commands of publish and subscribe; exec/pubsub.h does the work. */
#include "commands/pubsub.h"

#include "base/glob.h"
#include "exec/context.h"
#include "exec/pubsub.h"
#include "wire/resp.h"

/* ---- subscribing ---- */
static void subscribe_to(struct context *c, enum pubsub_kind kind) {
    for (int i = 1; i < c->argc; i++) pubsub_subscribe(c->session, kind, c->argv[i]);
}

static void unsubscribe_from(struct context *c, enum pubsub_kind kind) {
    if (c->argc == 1) pubsub_unsubscribe_all(c->session, kind);
    for (int i = 1; i < c->argc; i++) pubsub_unsubscribe(c->session, kind, c->argv[i]);
}

static void subscribe(struct context *c) { subscribe_to(c, PUBSUB_CHANNEL); }

static void psubscribe(struct context *c) { subscribe_to(c, PUBSUB_PATTERN); }

static void ssubscribe(struct context *c) { subscribe_to(c, PUBSUB_SHARD); }

static void unsubscribe(struct context *c) { unsubscribe_from(c, PUBSUB_CHANNEL); }

static void punsubscribe(struct context *c) { unsubscribe_from(c, PUBSUB_PATTERN); }

static void sunsubscribe(struct context *c) { unsubscribe_from(c, PUBSUB_SHARD); }

/* ---- publishing ---- */
/* The publisher may be a receiver: what it hears stands before its reply. */
static void publish_to(struct context *c, enum pubsub_kind kind) {
    reply_integer(c->reply, pubsub_publish(c->executor, kind, c->argv[1], c->argv[2]));
}

static void publish(struct context *c) { publish_to(c, PUBSUB_CHANNEL); }

static void spublish(struct context *c) { publish_to(c, PUBSUB_SHARD); }

/* ---- PUBSUB ---- */
static void list_names(struct context *c, enum pubsub_kind kind) {
    int64_t shown = 0;
    size_t place = reply_deferred(c->reply);
    list_each(node, &c->executor->pubsub->topics[kind].all) {
        struct slice name = topic_name(list_entry(node, struct topic, place));
        if (c->argc > 2 && !glob_match(c->argv[2], name, false)) continue;
        reply_bulk(c->reply, name);
        shown++;
    }
    reply_deferred_set(c->reply, place, RESP_ARRAY, shown);
}

static void list_counts(struct context *c, enum pubsub_kind kind) {
    reply_array(c->reply, 2 * (int64_t)(c->argc - 2));
    for (int i = 2; i < c->argc; i++) {
        reply_bulk(c->reply, c->argv[i]);
        reply_integer(c->reply, (int64_t)pubsub_subscribers(c->executor, kind, c->argv[i]));
    }
}

static void channels(struct context *c) {
    if (c->argc > 3)
        context_unknown_subcommand(c);
    else
        list_names(c, PUBSUB_CHANNEL);
}

static void shardchannels(struct context *c) {
    if (c->argc > 3)
        context_unknown_subcommand(c);
    else
        list_names(c, PUBSUB_SHARD);
}

static void numsub(struct context *c) { list_counts(c, PUBSUB_CHANNEL); }

static void shardnumsub(struct context *c) { list_counts(c, PUBSUB_SHARD); }

static void numpat(struct context *c) {
    reply_integer(c->reply, (int64_t)topics_count(&c->executor->pubsub->topics[PUBSUB_PATTERN]));
}

/* ---- rows ---- */
#define LISTEN (CMD_PUBSUB | CMD_NOSCRIPT | CMD_LOADING | CMD_STALE | CMD_WHILE_SUBSCRIBED)
#define SPEAK  (CMD_PUBSUB | CMD_LOADING | CMD_STALE | CMD_FAST | CMD_MAY_REPLICATE)
#define ASK    (CMD_PUBSUB | CMD_LOADING | CMD_STALE)
#define ROW(name_, run_, arity_, flags_, since_, complexity_, summary_)                                             \
    .name = (name_), .run = (run_), .arity = (arity_), .flags = (flags_), .group = GROUP_PUBSUB, .since = (since_), \
    .complexity = (complexity_), .summary = (summary_)

static const struct command_arg pattern_args[] = {{.name = "pattern", .type = ARG_PATTERN}, {0}};
static const struct command_arg patterns_args[] = {
    {.name = "pattern", .type = ARG_BLOCK, .flags = ARG_MULTIPLE, .args = pattern_args}, {0}};
static const struct command_arg any_patterns_args[] = {
    {.name = "pattern", .type = ARG_PATTERN, .flags = ARG_OPTIONAL | ARG_MULTIPLE}, {0}};
static const struct command_arg one_pattern_args[] = {{.name = "pattern", .type = ARG_PATTERN, .flags = ARG_OPTIONAL},
                                                      {0}};
static const struct command_arg publish_args[] = {
    {.name = "channel", .type = ARG_STRING}, {.name = "message", .type = ARG_STRING}, {0}};
static const struct command_arg spublish_args[] = {
    {.name = "shardchannel", .type = ARG_STRING}, {.name = "message", .type = ARG_STRING}, {0}};
static const struct command_arg channels_args[] = {{.name = "channel", .type = ARG_STRING, .flags = ARG_MULTIPLE}, {0}};
static const struct command_arg any_channels_args[] = {
    {.name = "channel", .type = ARG_STRING, .flags = ARG_OPTIONAL | ARG_MULTIPLE}, {0}};
static const struct command_arg shardchannels_args[] = {
    {.name = "shardchannel", .type = ARG_STRING, .flags = ARG_MULTIPLE}, {0}};
static const struct command_arg any_shardchannels_args[] = {
    {.name = "shardchannel", .type = ARG_STRING, .flags = ARG_OPTIONAL | ARG_MULTIPLE}, {0}};

static const char *const pubsub_help[] = {
    "CHANNELS [<pattern>]",
    "    The channels that somebody is subscribed to, those that <pattern> fits.",
    "NUMPAT",
    "    How many different patterns are subscribed to.",
    "NUMSUB [<channel> ...]",
    "    How many are subscribed to each of these channels, not counting patterns.",
    "SHARDCHANNELS [<pattern>]",
    "    The shard channels that somebody is subscribed to, those that <pattern> fits.",
    "SHARDNUMSUB [<shardchannel> ...]",
    "    How many are subscribed to each of these shard channels.",
    NULL,
};

static const struct command_row subcommands[] = {
    {ROW("channels", channels, -2, ASK, "2.8.0", "O(N) with N the channels", "Lists the channels with subscribers."),
     .args = one_pattern_args},
    {ROW("help", context_reply_help, 2, CMD_LOADING | CMD_STALE, "6.2.0", "O(1)", "Lists the forms of PUBSUB.")},
    {ROW("numpat", numpat, 2, ASK, "2.8.0", "O(1)", "Counts the patterns subscribed to.")},
    {ROW("numsub", numsub, -2, ASK, "2.8.0", "O(N) with N the channels asked for", "Counts subscribers of channels."),
     .args = any_channels_args},
    {ROW("shardchannels", shardchannels, -2, ASK, "7.0.0", "O(N) with N the shard channels",
         "Lists the shard channels with subscribers."),
     .args = one_pattern_args},
    {ROW("shardnumsub", shardnumsub, -2, ASK, "7.0.0", "O(N) with N the shard channels asked for",
         "Counts subscribers of shard channels."),
     .args = any_shardchannels_args},
    {0},
};

const struct command_row pubsub_commands[] = {
    {ROW("psubscribe", psubscribe, -2, LISTEN | CMD_SENTINEL, "2.0.0", "O(N) with N the patterns",
         "Hears what is published to channels that patterns fit."),
     .args = patterns_args},
    {ROW("publish", publish, 3, SPEAK | CMD_SENTINEL, "2.0.0",
         "O(N+M) with N the subscribers of the channel and M all patterns", "Sends a message to a channel."),
     .args = publish_args},
    {ROW("pubsub", NULL, -2, 0, "2.8.0", "Depends on the subcommand.", "Holds what is asked about subscriptions."),
     .subcommands = subcommands, .help = pubsub_help},
    {ROW("punsubscribe", punsubscribe, -1, LISTEN | CMD_SENTINEL, "2.0.0", "O(N) with N the patterns left",
         "Hears patterns no longer, all without arguments."),
     .args = any_patterns_args},
    {ROW("spublish", spublish, 3, SPEAK, "7.0.0", "O(N) with N the subscribers of the shard channel",
         "Sends a message to a shard channel."),
     .keys = {KEY_AT(1, KEY_NOT_KEY)}, .args = spublish_args},
    {ROW("ssubscribe", ssubscribe, -2, LISTEN, "7.0.0", "O(N) with N the shard channels",
         "Hears what is published to shard channels."),
     .keys = {KEYS_FROM(1, 1, KEY_NOT_KEY)}, .args = shardchannels_args},
    {ROW("subscribe", subscribe, -2, LISTEN | CMD_SENTINEL, "2.0.0", "O(N) with N the channels",
         "Hears what is published to channels."),
     .args = channels_args},
    {ROW("sunsubscribe", sunsubscribe, -1, LISTEN, "7.0.0", "O(N) with N the shard channels left",
         "Hears shard channels no longer, all without arguments."),
     .keys = {KEYS_FROM(1, 1, KEY_NOT_KEY)}, .args = any_shardchannels_args},
    {ROW("unsubscribe", unsubscribe, -1, LISTEN | CMD_SENTINEL, "2.0.0", "O(N) with N the channels left",
         "Hears channels no longer, all without arguments."),
     .args = any_channels_args},
    {0},
};
