/* Between introspect.c and introspect_docs.c. */
#ifndef TARN_EXEC_INTROSPECT_INT_H
#define TARN_EXEC_INTROSPECT_INT_H

struct context;

void introspect_docs(struct context *c); /* COMMAND DOCS */

#endif
