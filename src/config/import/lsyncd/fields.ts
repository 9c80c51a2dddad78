import type { ConfigInput } from '../../schema.js';
import type { RemarkKind } from '../remark.js';
import type { Place, Report } from '../report.js';
import { type Encoding, textIn } from '../text-encoding.js';
import type { LuaEntry, LuaTable, LuaValue } from './lua.js';

/** The entries of a table, taken one by one; what nobody took is told at the end. */
export class Fields {
  readonly #rest: Map<string, LuaEntry>;

  constructor(
    readonly table: LuaTable,
    /** Stands before the keys in messages: `sync`. */
    readonly path: string,
    private readonly encoding: Encoding,
    private readonly report: Report,
  ) {
    this.#rest = new Map();
    for (const entry of table.entries) {
      if (entry.key === undefined) continue;
      const earlier = this.#rest.get(entry.key);
      if (earlier !== undefined)
        this.note(earlier, 'dropped', entry.key, 'it stands there twice: Lua takes the last one');
      this.#rest.set(entry.key, entry);
    }
  }

  /** Items without a key. */
  get items(): readonly LuaEntry[] {
    return this.table.entries.filter(({ key }) => key === undefined);
  }

  get keys(): readonly string[] {
    return [...this.#rest.keys()];
  }

  take(key: string): LuaEntry | undefined {
    const entry = this.#rest.get(key);
    this.#rest.delete(key);
    return entry;
  }

  /** A text; `undefined` also for what is none, which becomes a fault: without it something wrong would be done. */
  takeText(key: string): string | undefined {
    const entry = this.take(key);
    if (entry === undefined || entry.value === null) return undefined;
    if (typeof entry.value === 'string') return this.decoded(entry.value, entry);
    this.report.fault(entry, `${this.path}.${key}: expected a text, found ${kindOf(entry.value)}`);
    return undefined;
  }

  takeTable(key: string): Fields | undefined {
    const entry = this.take(key);
    if (entry === undefined || entry.value === null) return undefined;
    const { value } = entry;
    if (typeof value === 'object' && value.type === 'table')
      return new Fields(value, `${this.path}.${key}`, this.encoding, this.report);
    this.report.fault(entry, `${this.path}.${key}: expected a table, found ${kindOf(value)}`);
    return undefined;
  }

  /** Bytes of the file as text. Lua, and so lsyncd, takes them for bytes of names. */
  decoded(latin1: string, place: Place): string {
    if (/^[\x00-\x7f]*$/.test(latin1)) return latin1;
    const text = textIn(this.encoding, Buffer.from(latin1, 'latin1'));
    if (this.encoding !== 'UTF-8')
      this.report.note(place, {
        kind: 'changed',
        about: `"${text}"`,
        message: `lsyncd meant the bytes of ${this.encoding}, sync.json means them in UTF-8: look how the names are written on disk`,
      });
    return text;
  }

  note(place: Place, kind: RemarkKind, key: string, message: string, configKey?: keyof ConfigInput): void {
    this.report.note(place, {
      kind,
      about: `${this.path}.${key}`,
      message,
      ...(configKey === undefined ? {} : { key: configKey }),
    });
  }

  /** Tells of every entry that was not taken. */
  noteRest(): void {
    for (const [key, entry] of this.#rest)
      this.note(entry, 'not carried', key, `imgsync-fast has nothing like it${shown(entry.value)}`);
  }
}

const shown = (value: LuaValue): string => (typeof value === 'object' ? '' : ` (${JSON.stringify(value)})`);

export const kindOf = (value: LuaValue): string => {
  if (value === null) return 'nil';
  if (typeof value !== 'object') return typeof value === 'string' ? 'a text' : String(value);
  if (value.type === 'table') return 'a table';
  return 'what Lua would have to compute: nothing is run here, write the value itself';
};
