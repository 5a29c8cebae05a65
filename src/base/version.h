/* What this is, and which Redis it can stand in for. */
#ifndef TARN_BASE_VERSION_H
#define TARN_BASE_VERSION_H

#define TARN_VERSION "0.1.0"
/* The version that clients and agents are told, who choose commands and fields by it. */
#define TARN_REDIS_VERSION "7.2.4"

#endif
