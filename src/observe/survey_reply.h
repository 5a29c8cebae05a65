/* A survey as the reply of MEMORY ANALYZE. */
#ifndef TARN_OBSERVE_SURVEY_REPLY_H
#define TARN_OBSERVE_SURVEY_REPLY_H

#include "observe/survey.h"
#include "wire/reply.h"

void survey_reply(const struct survey *s, int64_t taken_ms, int64_t duration_ms, struct reply *r);

#endif
