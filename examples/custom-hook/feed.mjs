// A hook: keeps a list of the newest pictures that every target has, as URLs, for a page or an app to read.
// feed.mjs FEED.JSON BASE-URL [MOST]   with the JSON of a call on standard input: docs/hooks.md
import { open, readdir, readFile, rename } from 'node:fs/promises';
import { text } from 'node:stream/consumers';

const [file, base, most = '100'] = process.argv.slice(2);
if (base === undefined) {
  // The last line of standard error stands in the log of imgsync-fast.
  console.error('usage: feed.mjs FEED.JSON BASE-URL [MOST]');
  process.exit(64);
}

const isPicture = (path) => /\.(?:jpe?g|png|webp|avif|gif)$/i.test(path);

/** Names of files are bytes. One latin1 character for each here, so that none is lost. */
const exactPath = ({ path, pathBase64 }) =>
  (pathBase64 === undefined ? Buffer.from(path, 'utf8') : Buffer.from(pathBase64, 'base64')).toString(
    'latin1',
  );

const escapeByte = (byte) => `%${byte.charCodeAt(0).toString(16).padStart(2, '0').toUpperCase()}`;
const urlOf = (path) => `${base.replace(/\/$/, '')}/${path.replace(/[^\w./~-]/g, escapeByte)}`;

/** The pictures in a directory that was moved here, or of which more than one path changed. */
const picturesIn = async (source, directory, isDeep) => {
  const found = await readdir(Buffer.from(`${source}/${directory}`, 'latin1'), {
    encoding: 'latin1',
    withFileTypes: true,
  });
  const lists = found.map((entry) => {
    const path = directory === '' ? entry.name : `${directory}/${entry.name}`;
    if (entry.isDirectory() && isDeep) return picturesIn(source, path, true);
    return entry.isFile() && isPicture(path) ? [path] : [];
  });
  return (await Promise.all(lists)).flat();
};

const picturesOf = async (source, { kind, state, ...name }) => {
  const path = exactPath(name);
  if (state === 'file') return isPicture(path) ? [path] : [];
  if (state !== 'directory' || kind === 'entry' || kind === 'attributes') return [];
  // Gone again by now: then a later call says so.
  return picturesIn(source, path, kind === 'tree').catch(() => []);
};

const readFeed = async () => {
  try {
    return JSON.parse(await readFile(file, 'utf8'));
  } catch (error) {
    if (error.code === 'ENOENT') return { pictures: [] };
    throw error;
  }
};

/** Whoever reads the list sees the old one or the new one, never a half. */
const writeFeed = async (feed) => {
  const unfinished = await open(`${file}.new`, 'w');
  await unfinished.writeFile(`${JSON.stringify(feed, null, 2)}\n`);
  await unfinished.sync();
  await unfinished.close();
  await rename(`${file}.new`, file);
};

const call = JSON.parse(await text(process.stdin));
const source = Buffer.from(call.source, 'utf8').toString('latin1');
const added = (await Promise.all(call.paths.map((path) => picturesOf(source, path)))).flat().map(urlOf);
// A call may come twice: each picture stands in the list once. What is gone takes along all that was below it.
const gone = call.paths.filter(({ state }) => state === 'gone').map((path) => urlOf(exactPath(path)));
const isGone = (url) => gone.some((path) => url === path || url.startsWith(`${path}/`));
const { pictures } = await readFeed();
const kept = pictures.filter((url) => !isGone(url));
await writeFeed({ pictures: [...new Set([...added.reverse(), ...kept])].slice(0, Number(most)) });
