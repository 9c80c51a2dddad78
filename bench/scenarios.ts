import type { Scenario } from './scenario.js';
import { burst } from './scenarios/burst.js';
import { deleteStorm } from './scenarios/delete-storm.js';
import { eventFlood } from './scenarios/event-flood.js';
import { firstSync } from './scenarios/first-sync.js';
import { idle } from './scenarios/idle.js';
import { latency } from './scenarios/latency.js';
import { mixed } from './scenarios/mixed.js';
import { playlists } from './scenarios/playlists.js';
import { requests } from './scenarios/requests.js';
import { restart } from './scenarios/restart.js';
import { slowTarget } from './scenarios/slow-target.js';
import { watchSetup } from './scenarios/watch-setup.js';

/** In the order of the report. */
export const scenarios: readonly Scenario[] = [
  latency,
  requests,
  burst,
  deleteStorm,
  playlists,
  mixed,
  firstSync,
  restart,
  slowTarget,
  watchSetup,
  eventFlood,
  idle,
];
