import assert from 'node:assert/strict';
import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { askControl, ControlError } from '../../src/cli/control-client.js';
import { type ActionRequest, type Routes, socketName, startControl } from '../../src/http/control-server.js';
import { atEnd } from '../support/scope.js';
import { tempDirectory } from '../support/temp-tree.js';
import { waitFor } from '../support/wait-for.js';

const serve = async (
  t: TestContext,
  routes: Routes,
  stateDir = tempDirectory(t, 'state'),
): Promise<string> => {
  const server = await startControl(stateDir, routes);
  atEnd(t, () => server.close());
  return stateDir;
};

test('an action gets the body and its value comes back', async (t) => {
  const stateDir = await serve(t, {
    'POST /v1/echo': (body) => ({ got: body }),
    'GET /v1/nothing': () => undefined,
  });
  assert.deepEqual(await askControl(stateDir, 'POST /v1/echo', { a: ['ü', 1] }), { got: { a: ['ü', 1] } });
  assert.deepEqual(await askControl(stateDir, 'GET /v1/nothing'), {});
});

test('an action gets the query, and waits until its client goes away', async (t) => {
  const asked: ActionRequest[] = [];
  const stateDir = await serve(t, {
    'GET /v1/wait': (_body, request) => {
      asked.push(request);
      return new Promise(() => {});
    },
  });
  const outgoing = request({ socketPath: join(stateDir, socketName), path: '/v1/wait?path=a%2Fb' });
  outgoing.on('error', () => {});
  outgoing.end();
  await waitFor(() => asked.length === 1, { what: 'the action runs' });
  assert.equal(asked[0]?.query.get('path'), 'a/b');
  assert.equal(asked[0]?.signal.aborted, false);
  outgoing.destroy();
  await waitFor(() => asked[0]?.signal.aborted === true, { what: 'the action is told' });
});

test('only the owner may talk to the socket; one that was left behind is replaced', async (t) => {
  const stateDir = tempDirectory(t, 'state');
  writeFileSync(join(stateDir, socketName), 'left behind');
  await serve(t, {}, stateDir);
  assert.equal(statSync(join(stateDir, socketName)).mode & 0o777, 0o600);
});

test('a state directory with a long path is no hindrance', async (t) => {
  const stateDir = join(tempDirectory(t, 'state'), 'x'.repeat(200));
  mkdirSync(stateDir);
  await serve(t, { 'GET /v1/a': () => ({ ok: true }) }, stateDir);
  assert.deepEqual(await askControl(stateDir, 'GET /v1/a'), { ok: true });
});

test('what can not be met is refused and harms nobody', async (t) => {
  const failing = () => {
    throw new Error('broken');
  };
  const stateDir = await serve(t, { 'POST /v1/a': (body) => ({ got: body }), 'GET /v1/fail': failing });
  const refused = (message: RegExp) => (error: unknown) =>
    error instanceof ControlError && error.code === 'REFUSED' && message.test(error.message);
  await assert.rejects(askControl(stateDir, 'GET /v1/a'), refused(/there is no GET/));
  await assert.rejects(askControl(stateDir, 'POST /v1/a', 'x'.repeat(100_000)), refused(/too large/));
  await assert.rejects(askControl(stateDir, 'GET /v1/fail'), refused(/broken/));
  assert.deepEqual(await askControl(stateDir, 'POST /v1/a', 1), { got: 1 });
});

test('without a server the client says so', async (t) => {
  const notRunning = (error: unknown) => error instanceof ControlError && error.code === 'NOT_RUNNING';
  await assert.rejects(askControl(tempDirectory(t, 'state'), 'GET /v1/a'), notRunning);
  await assert.rejects(askControl('/nowhere/at/all', 'GET /v1/a'), notRunning);
});
