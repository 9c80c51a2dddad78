import type { ConfigInput } from '../schema.js';

/**
 * What became of a part of the old configuration: it says the same in the new one (`carried`), something close or better
 * (`changed`), is not needed any more (`dropped`), or there is nothing like it (`not carried`).
 */
export type RemarkKind = 'carried' | 'changed' | 'dropped' | 'not carried';

/** One line of the lint. */
export interface Remark {
  readonly kind: RemarkKind;
  /** 1-based place in the old configuration. */
  readonly line: number;
  readonly column: number;
  /** The part, as it is written there. */
  readonly about: string;
  /** What became of it and why; one line. */
  readonly message: string;
  /** The key of sync.json above which the remark is repeated as a comment. */
  readonly key?: keyof ConfigInput;
}

/** A remark on something whose place only the caller knows. */
export type Note = Omit<Remark, 'line' | 'column'>;

/** `confxml.xml:7:5: carried: filter/exclude "(.*)\.svn": …`. */
export const formatRemark = (file: string, { line, column, kind, about, message }: Remark): string =>
  `${file}:${line}:${column}: ${kind}: ${about}: ${message}`;

/** A configuration made from an old one. */
export interface ImportedConfig {
  /** Tells it from others of the same file: made from the last name of the source; letters, digits, `.`, `_`, `-`. */
  readonly name: string;
  readonly settings: ConfigInput;
  /** In the order of the old file. */
  readonly remarks: readonly Remark[];
}
