/* Compact forms that older RDB files carry: ziplist, zipmap, intset. Read only, as untrusted bytes, to be turned into
 * today's forms. Pure functions; nothing outside the n bytes is read. Source: the RDB file format notes of Sripathi
 * Krishnan (rdb-tools wiki), and files written by Redis 2.4 to 7.0.
 *
 *   ziplist: | bytes:32 | offset of last entry:32 | entries:16 | entry ... | 0xFF |                    little endian
 *     entry: | length of the entry before: 1 byte, or 0xFE and 4 bytes | encoding | string bytes |
 *            00llllll, 01llllll + 1 byte, 10...... + 4 bytes: a string of that length (big endian)
 *            0xC0, 0xD0, 0xE0, 0xF0, 0xFE: an integer of 2, 4, 8, 3, 1 bytes; 0xF1 to 0xFD: the integers 0 to 12
 *   zipmap:  | pairs:8, from 254 on unknown | length, key, length, free:8, value, free bytes | ... | 0xFF |
 *            length: 1 byte, or 0xFE and 4 bytes (little endian)
 *   intset:  | width:32 (2, 4 or 8 bytes) | count:32 | integers, ascending, little endian |
 */
#ifndef TARN_STORE_PACK_LEGACY_H
#define TARN_STORE_PACK_LEGACY_H

#include "store/pack.h"

/* The texts lie in the bytes that are walked. Returns false to stop. */
typedef bool pack_legacy_visit(void *arg, const struct pack_item *item);

/* Each verifies all of the bytes first and calls visit only when they are right, so that a corrupt one changes nothing:
 * two passes, O(n). Returns false when they are corrupt or visit has stopped. A zipmap's keys and values come in turn.
 * Equal keys or members are not looked for. */
bool ziplist_each(const void *bytes, size_t n, pack_legacy_visit *visit, void *arg);
bool zipmap_each(const void *bytes, size_t n, pack_legacy_visit *visit, void *arg);
bool intset_each(const void *bytes, size_t n, pack_legacy_visit *visit, void *arg);

#endif
