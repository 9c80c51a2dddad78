import { posix } from 'node:path';
import { parseTargetUrl } from '../../target-url.js';
import type { Report } from '../report.js';
import type { ConfigParts, TargetParts } from '../settings.js';
import { daemonUrl, readRemoteShell, sshTarget } from '../target-urls.js';
import type { DecodedText } from '../text-encoding.js';
import type { XmlElement } from '../xml.js';
import { childrenOf, noteBytes, textOf } from './element.js';
import type { Rsync } from './rsync.js';

export const readTree = (
  tree: XmlElement,
  index: number,
  rsync: Rsync,
  decoded: DecodedText,
  report: Report,
): Pick<ConfigParts, 'source' | 'targets'> => {
  const watch = textOf(tree, 'watch');
  if (!watch.startsWith('/')) report.fault(tree, 'expected the absolute path of a directory in watch="…"');
  if (index > 0)
    report.note(tree, {
      kind: 'changed',
      about: `localpath ${watch}`,
      message:
        'sersync replicates only the first localpath of a file; this one comes to life with its own configuration',
      key: 'source',
    });
  noteBytes(tree, watch, 'the directory', decoded, report, 'source');
  const remotes = childrenOf(tree, 'remote');
  if (remotes.length === 0)
    report.fault(tree, 'there is no <remote ip="…" name="…"/> in it: expected at least one target');
  return {
    source: sourceOf(watch),
    targets: readRemotes(remotes, watch, rsync, report),
  };
};

/** A directory as sersync's XML names it, without slashes too many. */
export const sourceOf = (watch: string): string => {
  const source = posix.join(watch);
  return source.length > 1 ? source.replace(/\/$/, '') : source;
};

const readRemotes = (
  remotes: readonly XmlElement[],
  watch: string,
  rsync: Rsync,
  report: Report,
): TargetParts[] => {
  const urls = new Map<string, TargetParts>();
  for (const remote of remotes) {
    const [host, name] = [textOf(remote, 'ip'), textOf(remote, 'name')];
    const target = host === '' || name === '' ? undefined : targetOf(host, name, watch, rsync);
    const fault = target === undefined ? 'expected ip="…" and name="…"' : faultOfTarget(target, name, rsync);
    if (target === undefined || fault !== undefined) report.fault(remote, `remote: ${fault}`);
    else if (urls.has(target.url))
      report.note(remote, {
        kind: 'dropped',
        about: `remote ${host} ${name}`,
        message: 'it stands there twice',
      });
    else urls.set(target.url, target);
  }
  return [...urls.values()];
};

const targetOf = (host: string, name: string, watch: string, rsync: Rsync): TargetParts => {
  const { isSsh, user, port, passwordFile, params } = rsync;
  const { bandwidthLimit } = params;
  return {
    ...(isSsh
      ? sshTarget({ user, host, path: name }, readRemoteShell(params.shell ?? 'ssh'))
      : { url: daemonUrl({ user, host, port, module: name }) }),
    // sersync called rsync in the watched directory.
    ...(passwordFile === undefined ? {} : { passwordFile: posix.resolve(watch, passwordFile) }),
    ...(bandwidthLimit === undefined ? {} : { bandwidthLimit }),
  };
};

const faultOfTarget = ({ url }: TargetParts, name: string, { isSsh }: Rsync): string | undefined => {
  if (isSsh && !name.startsWith('/'))
    return `with ssh its name is a path, and ${JSON.stringify(name)} is relative to a home directory: write the absolute path`;
  const parsed = parseTargetUrl(url);
  return 'fault' in parsed ? parsed.fault : undefined;
};
