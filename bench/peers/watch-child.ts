import { join } from 'node:path';
import { unpackChanges } from '../../src/core/change.js';
import { Watcher } from '../../src/watch/watcher.js';
import { type EventLoopDelay, measureEventLoopDelay } from './event-loop-delay.js';
import { SeenFiles } from './seen-files.js';

// Watches a tree with one of node's watchers. Says when it is live, and on each message what it has seen.

export type WatchKind = 'nothing' | 'imgsync' | 'imgsync-digests' | 'parcel' | 'chokidar';

export interface WatchAnswer {
  readonly liveMs: number;
  readonly seen: number;
  readonly delay: EventLoopDelay;
}

const seen = new SeenFiles();

const imgsync = (root: string, digests = false): Promise<void> =>
  new Promise((live, failed) => {
    const watcher = new Watcher(
      {
        root,
        rules: [],
        attrib: true,
        modify: false,
        crossMounts: true,
        settleMs: 100,
        lingerMs: 3,
        digests,
      },
      {
        live: (_directories, _entries, scan) => {
          if (digests && scan === undefined) failed(new Error('there are no digests'));
          live();
        },
        changes: (packed) => {
          for (const { kind, path } of unpackChanges(packed)) {
            if (kind === 'entry' || kind === 'attributes') seen.add(path);
            else seen.addDirectory(join(root, path), kind === 'tree');
          }
        },
        overflow: () => {},
        failed,
      },
    );
    process.once('disconnect', () => void watcher.close());
  });

const watch: Readonly<Record<WatchKind, (root: string) => Promise<unknown>>> = {
  nothing: async () => {},
  imgsync: (root) => imgsync(root),
  'imgsync-digests': (root) => imgsync(root, true),
  parcel: async (root) => {
    const { default: parcel } = await import('@parcel/watcher');
    return parcel.subscribe(root, (error, events) => {
      if (error !== null) throw error;
      for (const { path } of events) seen.add(path);
    });
  },
  chokidar: async (root) => {
    const { watch: start } = await import('chokidar');
    const watcher = start(root, { ignoreInitial: true }).on('add', (path) => seen.add(path));
    await new Promise((ready) => watcher.once('ready', () => ready(undefined)));
  },
};

const [, , kind, root = ''] = process.argv;
const startedAt = performance.now();
await watch[kind as WatchKind](root);
const liveMs = performance.now() - startedAt;
const delay = measureEventLoopDelay();
const answer = (): void => {
  process.send?.({ liveMs, seen: seen.count, delay: delay() } satisfies WatchAnswer);
};
process.on('message', answer);
answer();
