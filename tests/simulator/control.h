/* SPDX-License-Identifier: MIT */
/* control - the control port: tests say what comes next and ask what arrived. README.md lists its routes. */
#ifndef SIM_CONTROL_H
#define SIM_CONTROL_H

#include <stdint.h>

#include "buf.h"

void control_open(uint16_t port); /* after providers_open() */
uint16_t control_port(void);

/* The routes, for --help. */
void control_list(struct buf *out);

#endif
