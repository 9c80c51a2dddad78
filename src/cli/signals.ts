/** The signals that end the process; from the third on they do it at once, as without this. */
export interface Signals {
  readonly first: Promise<NodeJS.Signals>;
  readonly second: Promise<NodeJS.Signals>;
  /** Calls back at each SIGHUP, unless that one ends the process; one that came before counts. */
  onHangup(listener: () => void): void;
  /** Calls back at each SIGUSR1. Without a listener for it Node would open its inspector. */
  onStatusWanted(listener: () => void): void;
  /** Calls back at each SIGUSR2. */
  onLevelSwitch(listener: () => void): void;
}

/**
 * Listens from now on.
 * @param hangupEnds whether SIGHUP says that the terminal is gone, and not that the configuration is to be read again
 */
export const listenToSignals = (hangupEnds: boolean): Signals => {
  const ending: NodeJS.Signals[] = ['SIGTERM', 'SIGINT', ...(hangupEnds ? (['SIGHUP'] as const) : [])];
  const [first, tellFirst] = awaited();
  const [second, tellSecond] = awaited();
  let count = 0;
  const listen = (signal: NodeJS.Signals): void => {
    if (++count === 1) {
      tellFirst(signal);
    } else {
      tellSecond(signal);
      for (const name of ending) process.off(name, listen);
    }
  };
  for (const name of ending) process.on(name, listen);
  let hangups = 0;
  let tellHangup = (): void => {
    hangups++;
  };
  if (!hangupEnds) process.on('SIGHUP', () => tellHangup());
  const tell = { SIGUSR1: () => {}, SIGUSR2: () => {} };
  for (const name of ['SIGUSR1', 'SIGUSR2'] as const) process.on(name, () => tell[name]());
  return {
    first,
    second,
    onHangup: (listener) => {
      tellHangup = listener;
      if (hangups > 0) listener();
    },
    onStatusWanted: (listener) => {
      tell.SIGUSR1 = listener;
    },
    onLevelSwitch: (listener) => {
      tell.SIGUSR2 = listener;
    },
  };
};

const awaited = (): [Promise<NodeJS.Signals>, (signal: NodeJS.Signals) => void] => {
  let tell: (signal: NodeJS.Signals) => void = () => {};
  const promise = new Promise<NodeJS.Signals>((resolve) => {
    tell = resolve;
  });
  return [promise, tell];
};
