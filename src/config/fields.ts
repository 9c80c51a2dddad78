import * as z from 'zod';
import { parseSize } from './sizes.js';

// The kinds of values that keys of sync.json have. Every message says what was expected; what was found is added by faults.ts.

/** A key whose text is checked and turned into what the program works with; `fault` goes to the user. */
export type Parsed<Value> = { readonly value: Value } | { readonly fault: string };

export const parsed =
  <Input, Value>(parse: (input: Input) => Parsed<Value>) =>
  (input: Input, context: z.RefinementCtx<Input>): Value => {
    const result = parse(input);
    if ('value' in result) return result.value;
    context.issues.push({ code: 'custom', message: result.fault, input });
    return z.NEVER;
  };

export const text = (expected: string) => z.string({ error: expected });
export const flag = () => z.boolean({ error: 'expected true or false' });

export const integer = (unit: string, min: number, max: number) => {
  const error = `expected a whole number${unit === '' ? '' : ` of ${unit}`} from ${min} to ${max}`;
  return z.number({ error }).int({ error, abort: true }).min(min, { error }).max(max, { error });
};

export const oneOf = <const Value extends string>(...values: readonly Value[]) =>
  z.enum(values, { error: `expected one of ${values.map((value) => JSON.stringify(value)).join(', ')}` });

export const size = (minBytes: number) => {
  const error = 'expected a size: bytes as a number, or a text such as "64m" (k, m, g, t: powers of 1024)';
  return z.union([z.number(), z.string()], { error }).transform(
    parsed((input) => {
      const value = parseSize(input);
      if (value === undefined) return { fault: error };
      return value >= minBytes ? { value } : { fault: `expected a size of at least ${minBytes} bytes` };
    }),
  );
};

export const absolutePath = (what: string) => {
  const error = `expected the absolute path of ${what}`;
  return text(error).refine((path) => path.startsWith('/') && !path.includes('\0'), { error });
};

export const section = <Shape extends z.ZodRawShape>(shape: Shape) =>
  z.strictObject(shape, {
    error: (issue) => (issue.code === 'invalid_type' ? 'expected an object' : undefined),
  });

export const list = <Item extends z.ZodType>(item: Item, what: string) =>
  z.array(item, { error: `expected a list of ${what}` });

export const pattern = text('expected a pattern').superRefine((value, context) => {
  const fault = faultOfPattern(value);
  if (fault !== undefined) context.addIssue({ code: 'custom', message: fault });
});

const faultOfPattern = (value: string): string | undefined => {
  if (/^\/*$/.test(value)) return 'expected a pattern that names something';
  if (/[\n\r\0]/.test(value)) return 'a pattern holds no line break and no NUL';
  if (/^[+-] /.test(value))
    return 'expected the pattern alone, without "+ " or "- ": includes and excludes are keys of their own';
  return undefined;
};
