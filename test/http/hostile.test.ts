import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { HttpSettings } from '../../src/config/config.js';
import type { DaemonStatus } from '../../src/daemon/status.js';
import { EventStream } from '../../src/http/event-stream.js';
import { startTcp } from '../../src/http/tcp-server.js';
import { ask, openEvents, type Stream } from '../support/ask.js';
import { atEnd } from '../support/scope.js';
import { tempDirectory } from '../support/temp-tree.js';
import { waitFor } from '../support/wait-for.js';

const token = 'a-token-that-nobody-guesses';
const json = { 'content-type': 'application/json' };
const bearer = (value: string) => ({ authorization: `Bearer ${value}` });
const status: DaemonStatus = { source: '/data', startedAt: '', directories: 1, live: true, targets: [] };

interface Served {
  readonly port: number;
  /** Bodies that reached the action. */
  readonly done: unknown[];
}

/** What is served with a token, unless the settings say otherwise. */
const serve = async (t: TestContext, settings: Partial<HttpSettings> = {}): Promise<Served> => {
  const tokenFile = join(tempDirectory(t, 'http'), 'token');
  writeFileSync(tokenFile, `${token}\n`, { mode: 0o600 });
  const done: unknown[] = [];
  const stream = new EventStream(
    { status: () => status, subscribe: () => () => {} },
    { statusText: () => '{}' },
  );
  const server = await startTcp(
    { listen: { host: '127.0.0.1', port: 0 }, tokenFile, allowedHosts: [], readyTargets: 1, ...settings },
    {
      actions: { 'GET /v1/a': () => ({ well: true }), 'POST /v1/a': (body) => done.push(body) },
      views: { '/events': (request, response) => stream.open(request, response) },
    },
  );
  atEnd(t, () => {
    stream.close();
    return server.close();
  });
  return { port: server.port, done };
};

test('a host name of others is refused, whatever is asked for', async (t) => {
  const { port, done } = await serve(t, { allowedHosts: ['status.example', 'proxy.example:8443'] });
  const statusFor = async (host: string, method = 'GET') =>
    (await ask({ port, method, path: '/v1/a', headers: { host, ...json, ...bearer(token) } })).status;
  for (const host of [`127.0.0.1:${port}`, `localhost:${port}`, `LOCALHOST:${port}`, `[::1]:${port}`])
    assert.equal(await statusFor(host), 200, host);
  for (const host of ['status.example', 'status.example:1', 'proxy.example:8443'])
    assert.equal(await statusFor(host), 200, host);
  for (const host of [
    `evil.example:${port}`,
    'evil.example',
    'localhost',
    `localhost:${port + 1}`,
    `localhost.evil.example:${port}`,
    `127.0.0.1.nip.io:${port}`,
    `127.0.0.2:${port}`,
    'proxy.example',
    'proxy.example:80',
    'evil.status.example',
  ]) {
    assert.equal(await statusFor(host), 403, host);
    assert.equal(await statusFor(host, 'POST'), 403, host);
  }
  assert.deepEqual(done, []);
});

test('pages of other origins get nothing and post nothing', async (t) => {
  const { port, done } = await serve(t);
  const own = `http://127.0.0.1:${port}`;
  const statusWith = async (headers: Record<string, string>, method = 'POST') =>
    (await ask({ port, method, path: '/v1/a', headers: { ...json, ...bearer(token), ...headers } })).status;
  for (const origin of [
    'http://evil.example',
    'null',
    `http://localhost:${port}`,
    `${own}.evil.example`,
    'http://127.0.0.1',
  ])
    for (const method of ['GET', 'POST', 'OPTIONS'])
      assert.equal(await statusWith({ origin }, method), 403, origin);
  assert.equal(await statusWith({ 'sec-fetch-site': 'cross-site' }, 'GET'), 403);
  assert.equal(await statusWith({ 'sec-fetch-site': 'cross-site' }), 403);
  const followed = {
    'sec-fetch-site': 'cross-site',
    'sec-fetch-mode': 'navigate',
    'sec-fetch-dest': 'document',
  };
  assert.equal(await statusWith(followed), 403);
  assert.deepEqual(done, []);
  assert.equal(await statusWith({ origin: own, 'sec-fetch-site': 'same-origin' }), 200);
});

test('what changes anything needs the token', async (t) => {
  const { port, done } = await serve(t);
  const answerTo = (headers: Record<string, string>) =>
    ask({ port, method: 'POST', path: '/v1/a', headers: { ...json, ...headers }, body: '1' });
  for (const headers of [
    {},
    bearer('wrong'),
    bearer(`${token}x`),
    bearer(token.slice(0, -1)),
    bearer(`${token} ${token}`),
    { authorization: 'Bearer' },
    { authorization: `Basic ${Buffer.from(`:${token}`).toString('base64')}` },
    { cookie: `token=${token}` },
  ]) {
    const { status, text, headers: answered } = await answerTo(headers);
    assert.equal(status, 401, JSON.stringify(headers));
    assert.equal(answered['www-authenticate'], 'Bearer');
    assert.ok(!text.includes(token), 'the answer does not tell it');
  }
  assert.deepEqual(done, []);
  assert.equal((await answerTo(bearer(token))).status, 200);
  assert.deepEqual(done, [1]);
  assert.equal((await ask({ port, path: '/v1/a' })).status, 200, 'reading needs none');
});

test('without a token file nothing can be changed over TCP, and the answer says what to do', async (t) => {
  const { port, done } = await serve(t, { tokenFile: undefined });
  for (const headers of [{}, bearer(''), bearer('undefined'), bearer(token)]) {
    const { status, text } = await ask({
      port,
      method: 'POST',
      path: '/v1/a',
      headers: { ...json, ...headers },
    });
    assert.equal(status, 403);
    assert.match(text, /http\.tokenFile/);
  }
  assert.deepEqual(done, []);
});

test('a body has to be JSON and small', async (t) => {
  const { port, done } = await serve(t);
  const post = (headers: Record<string, string>, body: string) =>
    ask({ port, method: 'POST', path: '/v1/a', headers: { ...bearer(token), ...headers }, body });
  for (const type of [
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=a',
    '',
  ])
    assert.equal((await post({ 'content-type': type }, '{}')).status, 415, type);
  assert.equal((await post({}, '{}')).status, 415);
  assert.equal((await post(json, '{')).status, 400);
  assert.equal((await post(json, '"'.padEnd(70_000, 'x'))).status, 413);
  assert.deepEqual(done, []);
  assert.equal((await post({ 'content-type': 'application/json; charset=utf-8' }, '{}')).status, 200);
});

for (const [name, head] of [
  ['announced', 'Content-Length: 104857600'],
  ['in chunks', 'Transfer-Encoding: chunked'],
] as const)
  test(`100 MB ${name} are refused with 413 and not read`, async (t) => {
    const { port, done } = await serve(t);
    const socket = connect(port, '127.0.0.1');
    let answer = '';
    let isClosed = false;
    socket.on('data', (piece) => {
      answer += piece.toString('latin1');
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      isClosed = true;
    });
    socket.write(
      `POST /v1/a HTTP/1.1\r\nHost: localhost:${port}\r\nAuthorization: Bearer ${token}\r\nContent-Type: application/json\r\n${head}\r\n\r\n`,
    );
    const piece = head.startsWith('T') ? `10000\r\n${'x'.repeat(65_536)}\r\n` : 'x'.repeat(65_536);
    let sent = 0;
    const more = (): void => {
      while (!socket.destroyed && sent < 100 * 1024 * 1024) {
        sent += 65_536;
        if (!socket.write(piece)) {
          socket.once('drain', more);
          return;
        }
      }
    };
    more();
    await waitFor(() => isClosed, { what: 'the connection is closed' });
    assert.match(answer, /^HTTP\/1\.1 413 /);
    assert.ok(sent < 50 * 1024 * 1024, `${sent} bytes were taken`);
    assert.deepEqual(done, []);
  });

test('of 1,000 streams of events a few stay, the others are refused, and all else is answered', async (t) => {
  const { port } = await serve(t);
  const opened = await Promise.allSettled(Array.from({ length: 1_000 }, () => openEvents(port)));
  const streams = opened.flatMap((result): Stream[] => (result.status === 'fulfilled' ? [result.value] : []));
  atEnd(t, () => {
    for (const stream of streams) stream.close();
  });
  assert.equal(streams.filter((stream) => stream.status === 200).length, 64);
  assert.ok(streams.every((stream) => stream.status === 200 || stream.status === 503));
  assert.equal((await ask({ port, path: '/v1/a' })).status, 200);
  for (const stream of streams) stream.close();
  // Their places are free again.
  await waitFor(
    async () => {
      const stream = await openEvents(port);
      stream.close();
      return stream.status === 200;
    },
    { what: 'a place for another stream' },
  );
});

test('who does not read its stream is let go', async (t) => {
  let text = '';
  const stream = new EventStream(
    { status: () => status, subscribe: () => () => {} },
    {
      statusText: () =>
        (text = `"${String(Number(text.length % 2)).padEnd(200_000 + (text.length % 7), 'x')}"`),
    },
  );
  const server = await startTcp(
    { listen: { host: '127.0.0.1', port: 0 }, tokenFile: undefined, allowedHosts: [], readyTargets: 1 },
    { actions: {}, views: { '/events': (request, response) => stream.open(request, response) } },
  );
  atEnd(t, () => server.close());
  const socket = connect(server.port, '127.0.0.1');
  socket.on('error', () => {});
  socket.pause();
  socket.write(`GET /events HTTP/1.1\r\nHost: localhost:${server.port}\r\n\r\n`);
  await waitFor(() => stream.size === 1, { what: 'the stream is open' });
  await waitFor(() => stream.size === 0, { what: 'the stream was ended' });
  socket.destroy();
});

test('paths are taken as they come', async (t) => {
  const { port } = await serve(t);
  for (const path of [
    '/v1/../v1/a',
    '/v1/./a',
    '/%2e%2e/v1/a',
    '/v1/%61',
    '//v1/a',
    '/v1//a',
    '/v1/a/',
    '/V1/A',
    '/v1/a%00',
    '/v1/a;b',
    '/..%2f..%2fetc/passwd',
    '/../../../../etc/passwd',
    '/__proto__',
    '/constructor',
    '*',
    'http://evil.example/v1/a',
    'http://localhost/v1/a',
    '/v1/a\\..',
  ]) {
    const { status, text } = await ask({ port, path });
    assert.equal(status, 404, path);
    assert.ok(!text.includes('root:'), path);
  }
  assert.equal((await ask({ port, path: '/v1/a?/../..' })).status, 200);
});

test('a request without a host is refused', async (t) => {
  const { port } = await serve(t);
  for (const head of ['GET /v1/a HTTP/1.0', 'GET /v1/a HTTP/1.1', 'GET v1/a HTTP/1.1', 'GET  HTTP/1.1']) {
    const socket = connect(port, '127.0.0.1');
    let answer = '';
    socket.on('data', (piece) => {
      answer += piece.toString('latin1');
    });
    socket.end(`${head}\r\n\r\n`);
    await once(socket, 'close');
    assert.match(answer, /^HTTP\/1\.1 40[03] /, head);
  }
});

test('headers without end are refused', async (t) => {
  const { port } = await serve(t);
  assert.equal((await ask({ port, path: '/v1/a', headers: { x: 'y'.repeat(20_000) } })).status, 431);
  assert.equal((await ask({ port, path: '/v1/a' })).status, 200);
});

test('every answer keeps browsers from doing more with it than is meant', async (t) => {
  const { port } = await serve(t);
  for (const path of ['/v1/a', '/nothing']) {
    const { headers } = await ask({ port, path });
    assert.match(String(headers['content-security-policy']), /^default-src 'none'; .*frame-ancestors 'none'/);
    assert.equal(headers['x-content-type-options'], 'nosniff');
    assert.equal(headers['referrer-policy'], 'no-referrer');
    assert.equal(headers['cache-control'], 'no-store');
    assert.equal(headers['access-control-allow-origin'], undefined);
  }
});
