/* Private to persist/: the RDB parser, which turns the bytes of a source into a dataset.
 *
 *   "REDIS" version:4 digits  (or "VALKEY" version:3 digits)
 *   ( AUX key value | SELECT db | RESIZEDB keys expires | SLOT_INFO slot keys expires
 *   | [EXPIRE_S s | EXPIRE_MS ms] [IDLE seconds | FREQ n] type key value )*
 *   EOF checksum:64           (no checksum before version 5)
 *
 * Keys go in batches, which another thread puts into the tables meanwhile (see persist/build_int.h). */
#ifndef TARN_PERSIST_RDB_PARSE_INT_H
#define TARN_PERSIST_RDB_PARSE_INT_H

#include "persist/source_int.h"

/* Reads everything from src into ds. False with the reason in why (LOAD_ERROR_MAX bytes): "name: offset N, key "x": reason";
 * empty when cancelled. ds then holds what came before and is to be freed. */
bool rdb_parse(struct source *src, const char *name, const struct load_options *options, struct dataset *ds, char *why);

#endif
