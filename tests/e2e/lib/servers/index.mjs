// SPDX-License-Identifier: MIT
// The web servers that a case can run under; README.md says what a module exports.
export const DEFAULT = 'lighttpd';
export const SERVERS = [DEFAULT, 'apache-proxy', 'apache-fcgid', 'nginx', ...(process.env.CONTAINER_IMAGE ? ['container'] : [])];

// The one that this process tests.
export const server = process.env.CHECK_SERVER ?? DEFAULT;
export const { Server } = await import(`./${server}.mjs`);

// A file's part of a case's name: e2e/limit@nginx/…
export const suffix = name => (name === DEFAULT ? '' : `@${name}`);
