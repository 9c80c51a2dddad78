/** Letters of sersync's command line -> what is there instead. */
const answers: ReadonlyMap<string, string> = new Map([
  ['r', 'leave it out: the first sync is the default, --no-initial-sync switches it off'],
  ['d', 'leave it out: systemd runs imgsync-fast in the background, see docs/install.md'],
  ['o', 'imgsync-fast import confxml.xml -o sync.json makes a configuration, --config sync.json runs it'],
  [
    'n',
    'leave it out: "batch": {"parallel": …} and "maxRsyncs" of the configuration say how much runs at once',
  ],
  ['m', '--hooks-only tells the hooks of every change and replicates nothing'],
]);

/**
 * Looks for options of sersync (`-r`, `-n 10`, `-dro`) where ours are expected.
 * @param args the command line behind the program
 * @returns a line for each of them; none when there are none, or when a command stands first
 */
export const answerToSersync = (args: readonly string[]): string[] => {
  if (!args[0]?.startsWith('-')) return [];
  const letters = args.flatMap((arg) => [...(/^-([dhmnor]*[dmnor])\d*$/.exec(arg)?.[1] ?? '')]);
  return [...new Set(letters)].flatMap((letter) => {
    const answer = answers.get(letter);
    return answer === undefined ? [] : `-${letter} is an option of sersync: ${answer}`;
  });
};
