/* Private to DEBUG: what its files share. */
#ifndef TARN_SERVER_DEBUG_INT_H
#define TARN_SERVER_DEBUG_INT_H

struct context;
struct dataset;

/* ---- debug_digest.c ---- */
void debug_digest(struct context *c);
void debug_digest_value(struct context *c);

/* ---- debug_reload.c ---- */
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
