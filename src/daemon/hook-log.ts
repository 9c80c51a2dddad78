import type { Logger } from '../core/logger.js';
import type { HookObserver } from '../hooks/hook-queue.js';

/** Writes what happens to the hooks to the log. */
export const hookLog = (logger: Logger): HookObserver => ({
  failed: (hook, target, reason, attempt) => {
    const fields = { hook, target, reason, attempt };
    // An outage is told once; the retries are for who searches.
    if (attempt === 1) logger.warn(fields, 'a hook failed; the replication goes on');
    else logger.debug(fields, 'a hook failed again');
  },
  recovered: (hook, target) => logger.info({ hook, target }, 'the hook works again'),
  lost: (hook, paths, reason) => logger.error({ hook, paths, reason }, 'a hook was not told of these paths'),
});
