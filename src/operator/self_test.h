/* SPDX-License-Identifier: MIT */
/* POST /v1/self-test: a stream made by the responder itself, with which claude-router-ctl doctor
 * finds out what the web server in front does to requests and streams (BEHAVIOUR.md 2). Sends
 * nothing to providers and changes nothing. The client is owned by its acceptor. One thread. */
#ifndef OPERATOR_SELF_TEST_H
#define OPERATOR_SELF_TEST_H

#include "client/accept.h"

#define SELF_TEST_EVENTS  5   /* of a stream: "request", and the ticks after it */
#define SELF_TEST_TICK_MS 150 /* between two events */

struct self_test;

/* Replies with server-sent events, each with at_ms, the milliseconds since the test began:
 *     request  what arrived: {version, pid, body_bytes, authorization, address,
 *              silences (other tests of this process that are silent now)}
 *     tick     every SELF_TEST_TICK_MS; the first after request.silence_s seconds of silence,
 *              if that is not 0
 * and the end of the stream. At most SELF_TESTS_SILENT_MAX may be silent in a process: beyond
 * that, and out of memory, a 503. */
void self_test_start(struct client *client);

#endif
