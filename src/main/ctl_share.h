/* SPDX-License-Identifier: MIT */
/* claude-router-ctl share: what an operator needs who joins machines (BEHAVIOUR.md 14). Opens what
 * it needs: a new key and the server's rules must be there before the router can start. One
 * thread. */
#ifndef MAIN_CTL_SHARE_H
#define MAIN_CTL_SHARE_H

/* words: "key", which prints a line for tokens.txt that is stored nowhere; "acl", perhaps with a
 * user's name, which prints the command that makes that user at the server; or "status"; NULL after
 * the last. config_path: of --config; NULL: see config_path(). Returns an exit status: sysexits.h;
 * of "status" EX_UNAVAILABLE while this machine is not connected. */
int ctl_share(const char *config_path, char *const *words);

#endif
