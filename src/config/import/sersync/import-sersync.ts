import { ConfigError } from '../../../core/errors.js';
import type { ImportedConfig } from '../remark.js';
import { Report } from '../report.js';
import { type ConfigParts, configsOf, faultsOfSettings, rsyncSettings, treeSettings } from '../settings.js';
import { type DecodedText, decodeText } from '../text-encoding.js';
import { parseXml, type XmlElement } from '../xml.js';
import { readCrontab } from './crontab.js';
import { childOf, childrenOf, isSame, textOf } from './element.js';
import { readEvents } from './events.js';
import { noteHiddenNames, readFilter } from './filter.js';
import { readPlugins } from './plugins.js';
import { readRsync } from './rsync.js';
import { strangersIn } from './shape.js';
import { readTree } from './tree.js';

/** What a confxml.xml of sersync says. */
export interface SersyncImport {
  /** One for each `localpath`. */
  readonly configs: readonly ImportedConfig[];
  /** Absolute path of the script in which sersync kept what it could not deliver. */
  readonly failScript: string | undefined;
}

/**
 * Reads the XML of sersync. What sersync 2.5.4 made of each part was read in its published source.
 * @param file Stands for the file in messages.
 * Throws a {@link ConfigError} with line and column of everything without which there is no configuration.
 */
export const importSersync = (bytes: Uint8Array, file: string): SersyncImport => {
  const decoded = decodeText(bytes);
  const head = parseXml(decoded.text, file);
  const report = new Report();
  const read = readHead(head, decoded, report);
  if (report.faults.length > 0) throw new ConfigError(file, report.faults);
  return read;
};

const readHead = (head: XmlElement, decoded: DecodedText, report: Report): SersyncImport => {
  if (!isSame(head.name, 'head')) {
    report.fault(head, `expected <head> of sersync, found <${head.name}>`);
    return { configs: [], failScript: undefined };
  }
  for (const { element, about, message } of strangersIn(head))
    report.note(element, { kind: 'dropped', about, message });
  noteEncoding(head, decoded, report);
  noteUnneeded(head, report);
  const sersync = childOf(head, 'sersync');
  const trees = childrenOf(sersync, 'localpath');
  if (trees.length === 0)
    report.fault(sersync ?? head, 'there is no <localpath watch="…"> in <sersync>: nothing is replicated');
  const rsync = readRsync(sersync, head, report);
  const { params } = rsync;
  const events = readEvents(head, params, report);
  const filter = readFilter(head, decoded, report);
  const { exclude, ...fullSync } = readCrontab(head, sersync, report);
  const common = {
    include: params.include,
    exclude: [...filter, ...exclude, ...params.exclude],
    deletes: events.deletes,
    rest: { ...treeSettings(params), ...events.rest, ...fullSync },
    rsync: rsyncSettings(params),
  };
  noteHiddenNames(sersync ?? head, report);
  const hooksFor = readPlugins(head, sersync, report);
  const failScript = readFailLog(sersync, report);
  const shared = [...report.remarks];
  const parts = trees.map((tree, index): ConfigParts => {
    const own = new Report();
    const place = readTree(tree, index, rsync, decoded, own);
    report.faults.push(...own.faults);
    const rest = { ...common.rest, ...hooksFor(place.source) };
    return { ...common, ...place, rest, remarks: [...shared, ...own.remarks] };
  });
  const configs = configsOf(parts);
  if (report.faults.length === 0)
    for (const [index, { settings }] of configs.entries())
      for (const fault of faultsOfSettings(settings)) report.fault(trees[index] ?? head, fault);
  return { configs, failScript };
};

const noteEncoding = (head: XmlElement, { text, encoding }: DecodedText, report: Report): void => {
  const [, declared] = /^<\?xml[^>]*encoding\s*=\s*["']([^"']*)["']/.exec(text) ?? [];
  if (encoding === 'ASCII' || declared?.toUpperCase() === encoding) return;
  const message = `the file is in ${encoding}, whatever it declares, and was read so`;
  report.note(
    { ...head, line: 1, column: 1 },
    { kind: 'carried', about: `encoding="${declared ?? ''}"`, message },
  );
};

const noteUnneeded = (head: XmlElement, report: Report): void => {
  const host = childOf(head, 'host');
  if (host !== undefined)
    report.note(host, { kind: 'dropped', about: 'host', message: 'sersync itself makes no use of it' });
  const fileSystem = childOf(head, 'fileSystem');
  if (fileSystem !== undefined)
    report.note(fileSystem, {
      kind: 'dropped',
      about: `fileSystem xfs="${textOf(fileSystem, 'xfs')}"`,
      message: 'directories are found on every file system',
    });
};

const readFailLog = (sersync: XmlElement | undefined, report: Report): string | undefined => {
  const failLog = childOf(sersync, 'failLog');
  if (failLog === undefined) return undefined;
  const path = textOf(failLog, 'path');
  report.note(failLog, {
    kind: 'dropped',
    about: `failLog ${path}`,
    message:
      'sersync made this script writable for everybody (chmod 777), ran it every timeToExecute minutes and emptied it whether it had worked or not. What a target does not take is tried again until it has it',
    key: 'targets',
  });
  return path.startsWith('/') ? path : undefined;
};
