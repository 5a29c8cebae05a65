/* MEMORY DOCTOR. */
#include "exec/context.h"
#include "observe/doctor.h"
#include "observe/observe_int.h"
#include "observe/observer.h"

void memory_run_doctor(struct context *c) {
    struct doctor_facts facts;
    struct buf text;
    buf_init(&text, MEM_OBSERVE);
    doctor_facts_take(&facts, c->executor, observer_history());
    doctor_report(&facts, &text);
    reply_text(c->reply, &text);
}
