/** Variables that change what rsync does behind the back of the configuration. */
const intruders = [
  'RSYNC_RSH',
  'RSYNC_OLD_ARGS',
  'RSYNC_PROTECT_ARGS',
  'RSYNC_PARTIAL_DIR',
  'RSYNC_PASSWORD',
];

/** What every rsync gets: our own environment without what would change its work, and English messages. */
export const rsyncEnvironment = (further: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv => {
  const env: NodeJS.ProcessEnv = { ...process.env, LC_ALL: 'C', ...further };
  for (const name of intruders) delete env[name];
  return env;
};
