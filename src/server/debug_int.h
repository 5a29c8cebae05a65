/* Private to DEBUG: what its files share. */
#ifndef TARN_SERVER_DEBUG_INT_H
#define TARN_SERVER_DEBUG_INT_H

#include <stdbool.h>

struct context;
struct dataset;
struct session;

/* What DEBUG has changed, and who waits for a load that it has asked for (one at a time). */
struct debug_state {
    bool cron_paused;
    bool expire_paused; /* SET-ACTIVE-EXPIRE 0 */
    bool load_under_way;
    unsigned reload_flags;
    struct session *asker; /* NULL when it has gone meanwhile */
};
extern struct debug_state debug_state;

/* ---- debug_digest.c ---- */
void debug_digest(struct context *c);
void debug_digest_value(struct context *c);

/* ---- debug_reload.c ---- */
/* The client waits for a load, which ends with debug_load_ended: serving goes on, and the client, if it is still there, is
 * told: error NULL is OK. */
void debug_load_begun(struct context *c);
void debug_load_ended(const char *error);
void debug_reload(struct context *c);

/* ---- debug_loadaof.c ---- */
void debug_loadaof(struct context *c);

/* ---- debug_value.c ---- */
void debug_object(struct context *c);
void debug_sdslen(struct context *c);
void debug_listpack(struct context *c);
void debug_quicklist(struct context *c);
void debug_htstats_key(struct context *c);

/* ---- debug_malloc.c ---- */
void debug_mallctl(struct context *c);
void debug_mallctl_text(struct context *c);

/* ---- debug.c ---- */
/* DEBUG SET-ACTIVE-EXPIRE outlives the dataset it was given to. */
void debug_restore_active_expire(struct dataset *ds);

#endif
