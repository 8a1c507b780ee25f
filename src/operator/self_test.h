/* SPDX-License-Identifier: MIT */
/* POST /v1/self-test: a stream of the responder's own making, by which
 * claude-router-ctl doctor sees what the web server in front does to requests
 * and streams (BEHAVIOUR.md 2). Asks no provider and changes nothing. The client
 * is its acceptor's. One thread. */
#ifndef OPERATOR_SELF_TEST_H
#define OPERATOR_SELF_TEST_H

#include "client/accept.h"

#define SELF_TEST_EVENTS  5   /* that are counted: "request", and the ticks behind it */
#define SELF_TEST_TICK_MS 150 /* between two of them */

struct self_test;

/* Answers with server-sent events, each with at_ms, the milliseconds since the
 * first:
 *     request  what arrived: {version, pid, body_bytes, authorization, address,
 *              silences (other tests that are silent in this process)}
 *     tick     every SELF_TEST_TICK_MS; the first one after request.silence_s
 *              seconds of silence, if that is not 0
 * and the end of the stream. While SELF_TESTS_SILENT_MAX of this
 * process are silent, one more silent one gets a 503. */
void self_test_start(struct client *client);

#endif
