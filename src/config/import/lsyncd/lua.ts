import {
  type Chunk,
  type Expression,
  type Node,
  parse,
  type Statement,
  type TableConstructorExpression,
} from 'luaparse';
import { ConfigError } from '../../../core/errors.js';
import type { Place } from '../report.js';

/** A value that stands literally in a Lua text; a `name` such as `default.rsync`; `computed` for all the rest. */
export type LuaValue = string | number | boolean | null | LuaTable | LuaName | LuaComputed;
export interface LuaTable extends Place {
  readonly type: 'table';
  readonly entries: readonly LuaEntry[];
}
export interface LuaName {
  readonly type: 'name';
  readonly name: string;
}
export interface LuaComputed {
  readonly type: 'computed';
}

export interface LuaEntry extends Place {
  /** `undefined` for an item without a key. */
  readonly key: string | undefined;
  readonly value: LuaValue;
}

/** A statement of the top level. */
export type LuaStatement =
  /** `name { … }`, `name(…)`, and `name = { … }` alike. */
  | (Place & { readonly type: 'call'; readonly name: string; readonly table: LuaTable })
  /** Anything that would have to be run; `calls` names the functions that are called in it. */
  | (Place & { readonly type: 'program'; readonly calls: ReadonlySet<string> });

/**
 * Reads the declarations in a Lua text without running anything: tables of literals, names that are given a literal
 * once, and what is put together of these with `..`, `+`, `-`, `*`.
 * @param text Its bytes as latin1; strings come back in the same form.
 * Throws a {@link ConfigError} with line and column when it is no Lua.
 */
export const readLua = (text: string, file: string): LuaStatement[] => {
  const constants = new Map<string, LuaValue>();
  try {
    return parsed(text, file).body.flatMap((statement) => statementOf(statement, constants));
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw broken(file, 'its tables are nested too deep', { line: 1, column: 1 });
  }
};

const broken = (file: string, what: string, place: Place): ConfigError =>
  new ConfigError(file, [{ pointer: '', message: `broken Lua: ${what}`, ...place }]);

const parsed = (text: string, file: string): Chunk => {
  try {
    return parse(text, {
      encodingMode: 'pseudo-latin1',
      luaVersion: '5.3',
      locations: true,
      comments: false,
    });
  } catch (error) {
    // The parser's own slip where the very first characters are none of Lua.
    if (error instanceof TypeError) throw broken(file, 'unexpected character', startOf(text));
    if (!(error instanceof SyntaxError)) throw error;
    const [, line = '1', column = '0', what = error.message] =
      /^\[(\d+):(\d+)\] (.*)$/s.exec(error.message) ?? [];
    throw broken(file, what, { line: Number(line), column: Number(column) + 1 });
  }
};

/** Of the first character that is no blank. */
const startOf = (text: string): Place => {
  const lines = text.slice(0, text.search(/\S|$/)).split('\n');
  return { line: lines.length, column: (lines.at(-1)?.length ?? 0) + 1 };
};

const placeOf = ({ loc }: Node): Place => ({
  line: loc?.start.line ?? 1,
  column: (loc?.start.column ?? 0) + 1,
});

const statementOf = (statement: Statement, constants: Map<string, LuaValue>): LuaStatement[] => {
  const call = callOf(statement, constants);
  if (call !== undefined) return [call];
  if (bind(statement, constants)) return [];
  return [{ type: 'program', ...placeOf(statement), calls: callsIn(statement) }];
};

const callOf = (statement: Statement, constants: ReadonlyMap<string, LuaValue>): LuaStatement | undefined => {
  if (statement.type === 'AssignmentStatement') {
    const [variable, value] = [statement.variables[0], statement.init[0]];
    return variable?.type === 'Identifier' &&
      variable.name === 'settings' &&
      value?.type === 'TableConstructorExpression'
      ? { type: 'call', ...placeOf(statement), name: 'settings', table: tableOf(value, constants) }
      : undefined;
  }
  if (statement.type !== 'CallStatement') return undefined;
  const { expression } = statement;
  if (expression.base.type !== 'Identifier' || expression.type === 'StringCallExpression') return undefined;
  const table = expression.type === 'TableCallExpression' ? expression.arguments : expression.arguments[0];
  if (table?.type !== 'TableConstructorExpression') return undefined;
  return {
    type: 'call',
    ...placeOf(statement),
    name: expression.base.name,
    table: tableOf(table, constants),
  };
};

/** Remembers `local name = literal`. A name that gets a second value could be either. */
const bind = (statement: Statement, constants: Map<string, LuaValue>): boolean => {
  if (statement.type !== 'LocalStatement' && statement.type !== 'AssignmentStatement') return false;
  return statement.variables.every((variable, index) => {
    const init = statement.init[index];
    if (variable.type !== 'Identifier' || init === undefined) return false;
    constants.set(variable.name, constants.has(variable.name) ? computed : valueOfNode(init, constants));
    return true;
  });
};

const computed: LuaComputed = { type: 'computed' };

const valueOfNode = (node: Expression, constants: ReadonlyMap<string, LuaValue>): LuaValue => {
  switch (node.type) {
    case 'StringLiteral':
    case 'NumericLiteral':
    case 'BooleanLiteral':
      return node.value;
    case 'NilLiteral':
      return null;
    case 'TableConstructorExpression':
      return tableOf(node, constants);
    case 'Identifier':
      return constants.get(node.name) ?? { type: 'name', name: node.name };
    case 'MemberExpression': {
      const base = valueOfNode(node.base, constants);
      return isName(base) ? { type: 'name', name: `${base.name}.${node.identifier.name}` } : computed;
    }
    case 'UnaryExpression': {
      const value = valueOfNode(node.argument, constants);
      return node.operator === '-' && typeof value === 'number' ? -value : computed;
    }
    case 'BinaryExpression':
      return combined(node.operator, valueOfNode(node.left, constants), valueOfNode(node.right, constants));
    default:
      return computed;
  }
};

const combined = (operator: string, left: LuaValue, right: LuaValue): LuaValue => {
  if (operator === '..' && isPlain(left) && isPlain(right)) return `${left}${right}`;
  if (typeof left !== 'number' || typeof right !== 'number') return computed;
  if (operator === '*') return left * right;
  if (operator === '+') return left + right;
  return operator === '-' ? left - right : computed;
};

const isPlain = (value: LuaValue): value is string | number =>
  typeof value === 'string' || typeof value === 'number';

const isName = (value: LuaValue): value is LuaName => typeof value === 'object' && value?.type === 'name';

const tableOf = (node: TableConstructorExpression, constants: ReadonlyMap<string, LuaValue>): LuaTable => ({
  type: 'table',
  ...placeOf(node),
  entries: node.fields.map((field) => ({
    ...placeOf(field),
    key:
      field.type === 'TableKeyString'
        ? field.key.name
        : field.type === 'TableKey'
          ? keyOf(field.key, constants)
          : undefined,
    value: valueOfNode(field.value, constants),
  })),
});

const keyOf = (node: Expression, constants: ReadonlyMap<string, LuaValue>): string => {
  const key = valueOfNode(node, constants);
  return isPlain(key) ? String(key) : '[…]';
};

/** The names of all functions that are called anywhere in a part of the program. */
const callsIn = (node: unknown): ReadonlySet<string> => {
  const found = new Set<string>();
  const visit = (part: unknown): void => {
    if (typeof part !== 'object' || part === null) return;
    if ('base' in part && 'type' in part && String(part.type).endsWith('CallExpression')) {
      const { base } = part;
      if (typeof base === 'object' && base !== null && 'name' in base) found.add(String(base.name));
    }
    for (const inner of Object.values(part)) visit(inner);
  };
  visit(node);
  return found;
};
