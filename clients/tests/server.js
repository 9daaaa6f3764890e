// A server under test, and a host with the files that it reads.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const PATIENCE_MS = 60_000;
const POLL_MS = 50;

/** More refs than the client asks for in one request. */
export const MANY = 1100;

const BINARY =
  process.env.CALLBOARD_BINARY ?? fileURLToPath(new URL('../../target/release/callboard', import.meta.url));

export function component(name, more = {}) {
  return {
    apiVersion: 'backstage.io/v1alpha1',
    kind: 'Component',
    metadata: { name, ...more },
    spec: { type: 'service', lifecycle: 'production', owner: 'group:default/crew' },
  };
}

const FILES = {
  '/catalog.yaml': [
    {
      apiVersion: 'backstage.io/v1alpha1',
      kind: 'Group',
      metadata: { name: 'crew', title: 'The Crew' },
      spec: { type: 'team', children: [] },
    },
    component('lights', { title: 'Lights', tags: ['java'] }),
    component('sound', { title: 'Sound', tags: ['go'] }),
    component('curtain', { tags: ['go'] }),
  ],
  '/many.yaml': Array.from({ length: MANY }, (_, i) => component(`one-of-many-${i}`, { labels: { many: 'yes' } })),
  '/first.yaml': [component('first')],
  '/second.yaml': [component('second')],
};

/** Tries until something other than undefined comes, and gives that. */
export async function until(what, attempt) {
  const limit = Date.now() + PATIENCE_MS;
  for (;;) {
    const result = await attempt().catch(() => undefined);
    if (result !== undefined) return result;
    if (Date.now() > limit) throw new Error(`waited in vain for ${what}`);
    await new Promise(resolve => setTimeout(resolve, POLL_MS));
  }
}

async function listening(server) {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server.address().port;
}

async function freePort() {
  const server = createServer();
  const port = await listening(server);
  server.close();
  await once(server, 'close');
  return port;
}

/** Starts a server with some entities; `auth` is its `backend.auth`. */
export async function start(auth) {
  const files = createServer((request, response) => {
    const documents = FILES[request.url];
    response.writeHead(documents ? 200 : 404);
    response.end(documents?.map(document => JSON.stringify(document)).join('\n---\n'));
  });
  const filesPort = await listening(files);
  const fileUrl = path => `http://127.0.0.1:${filesPort}${path}`;
  const port = await freePort();
  const folder = await mkdtemp(join(tmpdir(), 'callboard-clients-'));
  const config = join(folder, 'app-config.yaml');
  const locations = ['/catalog.yaml', '/many.yaml'].map(path => ({ type: 'url', target: fileUrl(path) }));
  await writeFile(
    config,
    JSON.stringify({
      backend: {
        listen: { host: '127.0.0.1', port },
        database: { client: 'better-sqlite3', connection: ':memory:' },
        reading: { allow: [{ host: `127.0.0.1:${filesPort}` }] },
        auth,
      },
      catalog: { rules: [{ allow: ['Component', 'Group', 'Location'] }], locations },
    }),
  );
  const server = spawn(BINARY, ['serve', '--config', config], { stdio: ['ignore', 'ignore', 'pipe'] });
  let log = '';
  server.stderr.on('data', chunk => (log += chunk));
  const ended = new Promise(resolve => server.once('close', resolve).once('error', error => {
    log += `${BINARY}: ${error.message}`;
    resolve();
  }));
  const origin = `http://127.0.0.1:${port}`;

  async function stop() {
    server.kill('SIGTERM');
    await ended;
    files.close();
    await rm(folder, { recursive: true });
  }
  try {
    await Promise.race([
      until('the server', async () => {
        const answer = await fetch(`${origin}/.backstage/health/v1/readiness`);
        return answer.ok ? true : undefined;
      }),
      ended.then(() => Promise.reject(new Error('it ended'))),
    ]);
  } catch (error) {
    await stop();
    throw new Error(`the server does not start: ${error.message}\n${log}`);
  }
  const discoveryApi = { getBaseUrl: async plugin => `${origin}/api/${plugin}` };
  return { discoveryApi, fileUrl, stop };
}
