// Never run: whether it compiles is the test of the public types.
import { type Logger, pino } from 'pino';
import {
  type ChannelMessage,
  type ConfigInput,
  createReplication,
  type DeliveredEvent,
  NotSettledError,
  type Replication,
  ReplicationError,
  type SettledReport,
  type TreeBatch,
  watchTree,
} from '../../src/index.js';

export const replications = async (logger: Logger): Promise<void> => {
  const config: ConfigInput = {
    source: '/data',
    targets: ['/copy', { name: 'b', url: 'rsync://host/module', standby: 'on' }],
    exclude: ['*.tmp'],
    delete: { max: '20%' },
  };
  createReplication('sync.json', { logger });
  createReplication(config, { logger: console, signal: AbortSignal.timeout(1) });
  createReplication(config, { logger: pino() });
  // @ts-expect-error: a source is needed
  createReplication({ targets: ['/copy'] });
  // @ts-expect-error: no such key
  createReplication({ source: '/data', targets: [], settelMs: 3 });
  // @ts-expect-error: no logger
  createReplication(config, { logger: { info: () => {} } });

  await using replication: Replication = createReplication(config);
  await replication.start();
  const report: SettledReport = await replication.settled();
  await replication.settled({ paths: ['a', Buffer.from('b')], targets: 'all', timeoutMs: 1_000 });
  await replication.settled({ targets: 2 });
  await replication.settled({ targets: report.targets.map(({ name }) => name) });
  // @ts-expect-error: one name is a list of one
  await replication.settled({ targets: 'target-1' });
  // @ts-expect-error: a list
  await replication.settled({ paths: 'a' });
  const name: string = await replication.addTarget('rsync://host/module');
  await replication.removeTarget(name);
  // @ts-expect-error: a target has a URL
  await replication.addTarget({ name: 'c' });
  await replication.markChanged(['a', new Uint8Array(1)]);
  const { phase, targets } = replication.status();
  const words: readonly string[] = [phase, ...targets.map(({ state }) => state)];

  replication.on('delivered', (event: DeliveredEvent) => event.paths.concat(words));
  replication
    .on('retry', ({ target, code, hint, attempt }) => [target, code, hint, attempt + 1])
    .on('halted', async ({ text }) => text.length)
    .on('stuck', ({ path, pathBytes }) => path.length + pathBytes.byteLength)
    .on('overflow', ({ source }) => source)
    .on('state', ({ state, before }) => state === before)
    .on('live', ({ directories, entries }) => directories + entries)
    .on('failed', (error: ReplicationError) => error.hint);
  // @ts-expect-error: no such event
  replication.on('error', () => {});
  // @ts-expect-error: it has no path
  replication.on('overflow', ({ path }) => path);
  // @ts-expect-error: read only
  replication.status().phase = 'running';
};

export const errors = (error: unknown): unknown => {
  if (error instanceof NotSettledError) return [error.code satisfies 'NOT_SETTLED', error.report.waitsFor];
  return error instanceof ReplicationError ? [error.code, error.hint] : undefined;
};

export const traced = ({ source, event }: ChannelMessage<'retry'>): string => `${source} ${event.target}`;

export const watches = async (): Promise<void> => {
  await using texts = watchTree('/data', { include: ['a'], exclude: ['*'], lingerMs: 10 });
  const { directories } = await texts.ready;
  for await (const { changes, overflow } of texts)
    for (const { kind, path, bytes } of changes)
      if (!overflow && kind === 'entry') path.normalize().concat(String(bytes ?? directories));
  const batch: TreeBatch | undefined = (await texts.next()).value;
  for await (const { changes } of watchTree('/data', { encoding: 'buffer' }))
    for (const { path } of changes) path.equals(Buffer.from(String(batch)));
  // @ts-expect-error: paths are strings by default
  for await (const { changes } of watchTree('/data')) changes[0]?.path.equals(Buffer.alloc(0));
  // @ts-expect-error: no such encoding
  watchTree('/data', { encoding: 'latin1' });
  // @ts-expect-error: a list
  watchTree('/data', { exclude: '*.tmp' });
  // @ts-expect-error: no such option
  watchTree('/data', { ignored: ['*.tmp'] });
};
