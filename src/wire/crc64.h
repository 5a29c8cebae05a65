/* CRC-64 as RDB and DUMP use it (Jones polynomial 0xad93d23594c935a9, reflected, start 0, no final inversion). ISA-L where it
 * is linked, else (and as its test oracle) a plain table. */
#ifndef TARN_WIRE_CRC64_H
#define TARN_WIRE_CRC64_H

#include <stddef.h>
#include <stdint.h>

uint64_t crc64(uint64_t crc, const void *data, size_t n);       /* ~10 GB/s with ISA-L */
uint64_t crc64_table(uint64_t crc, const void *data, size_t n); /* ~0.4 GB/s */

#endif
