import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { HookCall } from '../../src/hooks/hook-call.js';
import { cdnPurgeAction, webhookAction } from '../../src/hooks/http.js';
import { socketAction } from '../../src/hooks/socket.js';
import { freePort } from '../support/free-port.js';
import { hang, httpRecorder, lineRecorder } from '../support/hook-server.js';
import { entries, hookOf } from '../support/hooks.js';
import type { Scope } from '../support/scope.js';
import { tempDirectory } from '../support/temp-tree.js';
import { waitFor } from '../support/wait-for.js';

const never = new AbortController().signal;
const callOf = (...paths: readonly string[]): HookCall => ({
  hook: 'hook',
  target: 'img64',
  source: '/data/site',
  id: 'run-7',
  changes: entries(...paths),
});
const secretIn = (scope: Scope): string => {
  const file = join(tempDirectory(scope, 'secret'), 'secret');
  writeFileSync(file, 's3cret & more\nsecond line\n', { mode: 0o600 });
  return file;
};

test('a webhook signs the bytes that it sends', async (t) => {
  const server = await httpRecorder(t);
  const hook = hookOf({
    type: 'webhook',
    url: `${server.url}/changed?a=b`,
    secretFile: secretIn(t),
    headers: { 'X-Origin': 'img' },
  });
  await webhookAction(hook)(callOf('图.jpg', 'b'), never);
  const [request] = server.seen;
  assert.ok(request !== undefined);
  const { method, url, headers, body } = request;
  assert.deepEqual([method, url, headers['x-origin']], ['POST', '/changed?a=b', 'img']);
  assert.equal(headers['content-type'], 'application/json');
  assert.equal(headers['x-imgsync-id'], 'run-7');
  const expected = createHmac('sha256', 's3cret & more').update(body).digest('hex');
  assert.equal(headers['x-imgsync-signature'], `sha256=${expected}`);
  assert.equal(JSON.parse(body).source, '/data/site');
});

test('without a secret there is no signature', async (t) => {
  const server = await httpRecorder(t);
  await webhookAction(hookOf({ type: 'webhook', url: server.url }))(callOf('a'), never);
  assert.equal(server.seen[0]?.headers['x-imgsync-signature'], undefined);
});

for (const status of [301, 404, 500])
  test(`an answer ${status} is a failure`, async (t) => {
    const server = await httpRecorder(t, () => status);
    const call = webhookAction(hookOf({ type: 'webhook', url: server.url }))(callOf('a'), never);
    await assert.rejects(call, new RegExp(`the answer was ${status}`));
    assert.equal(server.seen.length, 1, 'a redirection was followed');
  });

test('nobody who answers, and one who never does, are failures', async (t) => {
  const port = await freePort();
  const refused = webhookAction(hookOf({ type: 'webhook', url: `http://127.0.0.1:${port}` }));
  await assert.rejects(refused(callOf('a'), never), /no answer: ECONNREFUSED/);
  const server = await httpRecorder(t, () => hang);
  const abort = new AbortController();
  const call = webhookAction(hookOf({ type: 'webhook', url: server.url }))(callOf('a'), abort.signal);
  call.catch(() => {});
  await waitFor(() => server.seen.length === 1, { what: 'the request' });
  abort.abort(new Error('it took longer than 30 s'));
  await assert.rejects(call, /it took longer than 30 s/);
});

const paths = ['a b/图.jpg'.replace('图', '\xe5\x9b\xbe'), '100%.jpg', 'caf\xe9'];
const urls = ['a%20b/%E5%9B%BE.jpg', '100%25.jpg', 'caf%E9'].map(
  (path) => `http://pic.example.com/cms/${path}`,
);
const publicUrl = 'http://pic.example.com/cms/{path}';

test('a purge as JSON with a token', async (t) => {
  const server = await httpRecorder(t);
  const hook = hookOf({
    type: 'cdn-purge',
    publicUrl,
    request: `${server.url}/purge`,
    bodyKey: 'files',
    secretFile: secretIn(t),
  });
  await cdnPurgeAction(hook)(callOf(...paths), never);
  const [request] = server.seen;
  assert.deepEqual(JSON.parse(request?.body ?? ''), { files: urls });
  assert.equal(request?.headers.authorization, 'Bearer s3cret & more');
  assert.equal(server.seen.length, 1);
});

test('a purge of all in one URL, with a password in it', async (t) => {
  const server = await httpRecorder(t);
  const request = `${server.url}/index.jsp?user=name&pswd={secret}&ok=ok&urls={urls}`;
  const hook = hookOf({ type: 'cdn-purge', publicUrl, request, method: 'HEAD', secretFile: secretIn(t) });
  await cdnPurgeAction(hook)(callOf(...paths), never);
  assert.equal(server.seen.length, 1);
  const { searchParams } = new URL(server.seen[0]?.url ?? '', server.url);
  assert.equal(searchParams.get('pswd'), 's3cret & more');
  assert.deepEqual(searchParams.get('urls')?.split('\r\n'), urls);
  assert.equal(server.seen[0]?.headers.authorization, undefined);
});

test('a purge of each URL by itself, of directories with a slash', async (t) => {
  const server = await httpRecorder(t);
  const hook = hookOf({
    type: 'cdn-purge',
    publicUrl: `${server.url}/cms/{path}`,
    request: '{url}',
    method: 'PURGE',
  });
  const [file, directory] = entries('a.jpg', 'dir');
  assert.ok(file !== undefined && directory !== undefined);
  await cdnPurgeAction(hook)({ ...callOf(), changes: [file, { ...directory, kind: 'tree' }] }, never);
  assert.deepEqual(
    server.seen.map(({ method, url }) => `${method} ${url}`),
    ['PURGE /cms/a.jpg', 'PURGE /cms/dir/'],
  );
});

test('no message of a failure holds the secret', async (t) => {
  const server = await httpRecorder(t, () => 403);
  const hook = hookOf({
    type: 'cdn-purge',
    publicUrl,
    request: `${server.url}/?pswd={secret}&urls={urls}`,
    secretFile: secretIn(t),
  });
  const failure = await cdnPurgeAction(hook)(callOf('a'), never).catch(String);
  assert.match(String(failure), /403/);
  assert.doesNotMatch(String(failure), /s3cret/);
});

test('lines on a TCP and a unix socket; a name can not break its line', async (t) => {
  const folder = tempDirectory(t, 'socket');
  for (const path of [undefined, join(folder, 'lines.sock')]) {
    const server = await lineRecorder(t, path);
    await socketAction(hookOf({ type: 'socket', address: server.address }))(
      callOf('a b', 'two\nlines', 'caf\xe9'),
      never,
    );
    assert.deepEqual(server.lines, ['/data/site/a b', '/data/site/two\\x0alines', '/data/site/caf\\xe9']);
  }
});

test('a socket that nobody listens on is a failure', async () => {
  const address = `tcp://127.0.0.1:${await freePort()}`;
  await assert.rejects(socketAction(hookOf({ type: 'socket', address }))(callOf('a'), never), /ECONNREFUSED/);
});
