// SPDX-License-Identifier: MIT
// What the web servers' modules share: the files that we ship, responders under systemd's protocol, a site, and an end.
import { chmodSync, chownSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { Part } from '../parts.mjs';
import { BUILD } from '../simulator.mjs';

const TOP = path.resolve(path.dirname(new URL(import.meta.url).pathname), '../../../..');

// A template of ours, as it stands in the source tree.
export const shipped = name => readFileSync(path.join(TOP, name), 'utf8');

// A site that was there before: its document root.
export function site(r) {
  mkdirSync(r.file('site'), { recursive: true });
  r.write('site/index.html', 'the site itself\n');
  return r.file('site');
}

// --- Responders as services of their own ----------------------------------------------------------------------------

// As claude-router.socket and .service run one: a listening socket is passed by LISTEN_PID and LISTEN_FDS, and who fails
// is started anew, but by a status that says that it would fail again. Several share the socket.
const SUPERVISOR = `
  program=$1 log=$2
  declare -A alive=()
  start() { (export LISTEN_PID=$BASHPID LISTEN_FDS=1 LISTEN_FDNAMES=router; exec "$program" 2>>"$log") & alive[$!]=1; }
  trap 'kill -TERM "\${!alive[@]}" 2>/dev/null; wait "\${!alive[@]}"; exit 0' TERM
  for ((i = 0; i < $3; i++)); do start; done
  while ((\${#alive[@]})); do
    gone= status=0
    wait -n -p gone || status=$?
    [[ $gone ]] || exit $status
    unset "alive[$gone]"
    [[ $status == 0 ]] && continue
    [[ $status == 73 || $status == 78 ]] && { cat "$log" >&2; exit $status; }
    start
  done`;

// The supervisor, whose children they are, behind a socket that user (of /etc/passwd) may open.
export function responders(r, socket, user) {
  const server = net.createServer().listen({ path: `${socket}.new`, backlog: 4096 });
  try {
    chmodSync(`${socket}.new`, 0o660);
    if (user) chownSync(`${socket}.new`, user.uid, user.gid);
    renameSync(`${socket}.new`, socket);
    return new Part('responders', 'bash', ['-c', SUPERVISOR, 'bash', path.join(r.build ?? BUILD, 'claude-router'), r.file('router.log'), String(r.procs)],
      { env: r.env, passed: [server._handle.fd] });
  } finally {
    server.close(); // at once, before node itself could accept anybody; the part has the socket now
  }
}

// --- Processes ------------------------------------------------------------------------------------------------------

export function children(pid) {
  try { return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(/\s+/).filter(Boolean).map(Number); } catch { return []; }
}

// All claude-router processes below pid.
export function respondersBelow(pid) {
  return children(pid).flatMap(child => (name(child) === 'claude-router' ? [child] : respondersBelow(child)));
}

function name(pid) {
  try { return readFileSync(`/proc/${pid}/comm`, 'utf8').trim(); } catch { return ''; }
}

// Ends a server by SIGTERM; an error when one of its responders outlives it.
export async function end(part, responders) {
  if (!part?.alive) return;
  await part.stop('SIGTERM');
  const last = Date.now() + 5000;
  while (responders.some(alive) && Date.now() < last) await new Promise(resolve => setTimeout(resolve, 20));
  const left = responders.filter(alive);
  for (const pid of left) process.kill(pid, 'SIGKILL');
  if (left.length) throw new Error(`responders ${left.join(', ')} did not end within 5 s of ${part.name}'s SIGTERM`);
}

// Neither waited for by its parent (Z), nor being taken away (X).
function alive(pid) {
  try { return !/^\d+ \(.*\) [ZX]/.test(readFileSync(`/proc/${pid}/stat`, 'utf8')); } catch { return false; }
}

// Who Apache runs as, since it refuses to be root: undefined when we are not root ourselves.
export function plainUser() {
  if (process.getuid() !== 0) return undefined;
  const line = readFileSync('/etc/passwd', 'utf8').match(/^www-data:[^:]*:(\d+):(\d+):/m);
  if (!line) throw new Error('there is no user www-data for Apache to run as');
  return { uid: Number(line[1]), gid: Number(line[2]) };
}
