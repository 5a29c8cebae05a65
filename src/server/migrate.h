/* MIGRATE: keys go to another server by its RESTORE and are deleted here when it has taken them.
 *
 *   asked:     who asks is blocked, writes wait (PAUSE_OF_MIGRATE), so what is deleted afterwards is what was sent
 *   dialing:   a thread looks up and connects (io/dial.h)
 *   greeting:  AUTH and SELECT; no key is sent before both are right
 *   sending:   on the loop, key by key: a payload is made when the one before is nearly out; answers are read meanwhile
 *   ended:     what the target has taken is deleted, in one unit of the journal; writes go on; the reply
 *
 * The executor never waits for the other host. At most one migration runs, because it is a write itself. The timeout is of
 * each step without progress: a connection, some bytes sent, a whole answer. Executor thread only. */
#ifndef TARN_SERVER_MIGRATE_H
#define TARN_SERVER_MIGRATE_H

#include "exec/command.h"

extern const struct command_row migrate_commands[]; /* name NULL ends it */

#endif
