/* What the files of the geo commands share. Private to them.
 *
 *   geo.c         the rows
 *   geo_place.c   single places: GEOADD, GEOPOS, GEODIST, GEOHASH
 *   geo_search.c  GEOSEARCH, GEORADIUS and their kin */
#ifndef TARN_COMMANDS_GEO_INT_H
#define TARN_COMMANDS_GEO_INT_H

#include "exec/context.h"
#include "values/geo.h"

/* Arguments i and i + 1 as longitude and latitude; false after the error reply. */
bool geo_point_argument(struct context *c, int i, struct geo_point *p);
/* The length of a unit in metres; false after the error reply. */
bool geo_unit_argument(struct context *c, int i, double *metres);
/* [longitude, latitude]. */
void geo_reply_point(struct context *c, struct geo_point p);
/* With four decimals. */
void geo_reply_distance(struct context *c, double distance);

void geo_geoadd_run(struct context *c);
void geo_geopos_run(struct context *c);
void geo_geodist_run(struct context *c);
void geo_geohash_run(struct context *c);
void geo_georadius_run(struct context *c);
void geo_georadius_ro_run(struct context *c);
void geo_georadiusbymember_run(struct context *c);
void geo_georadiusbymember_ro_run(struct context *c);
void geo_geosearch_run(struct context *c);
void geo_geosearchstore_run(struct context *c);

#endif
