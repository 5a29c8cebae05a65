/* "src/room/file.c:12": the line of ours that notices something wrong in a file, for the message that refuses it. */
#ifndef TARN_BASE_SOURCE_LINE_H
#define TARN_BASE_SOURCE_LINE_H

#define SOURCE_LINE                __FILE__ ":" SOURCE_LINE_TEXT(__LINE__)
#define SOURCE_LINE_TEXT(line)     SOURCE_LINE_DIGITS(line)
#define SOURCE_LINE_DIGITS(digits) #digits

#endif
