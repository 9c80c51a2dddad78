const ending = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const satisfies NodeJS.Signals[];

/** The signals that end the process; from the third on they do it at once, as without this. */
export interface EndingSignals {
  readonly first: Promise<NodeJS.Signals>;
  readonly second: Promise<NodeJS.Signals>;
}

/** Listens from now on. */
export const listenToSignals = (): EndingSignals => {
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
  return { first, second };
};

const awaited = (): [Promise<NodeJS.Signals>, (signal: NodeJS.Signals) => void] => {
  let tell: (signal: NodeJS.Signals) => void = () => {};
  const promise = new Promise<NodeJS.Signals>((resolve) => {
    tell = resolve;
  });
  return [promise, tell];
};
