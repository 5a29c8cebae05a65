/* Walks over the whole keyspace with SCAN: --scan lists it, --bigkeys, --memkeys and --hotkeys look for the biggest and the most
 * used keys. Pages are asked for one after the other, the questions about their keys travel together. */
#ifndef TARN_CLI_SURVEY_H
#define TARN_CLI_SURVEY_H

struct session;

int survey_list(struct session *s);
int survey_big(struct session *s);
int survey_memory(struct session *s);
int survey_hot(struct session *s);

#endif
