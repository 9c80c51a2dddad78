// The source of imgsync-fast.json(5), from the schema.

/** Keys of an object, and below each that holds objects the keys of those, by their whole path. */
const keysOf = ({ properties, required = [] }, path, context) =>
  Object.entries(properties).flatMap(([key, property]) => {
    const { typeOf, roffText } = context;
    const name = `${path}${key}`;
    const inner = objectsOf(property);
    const fallback = required.includes(key)
      ? 'Needed.'
      : property.default === undefined || inner.length > 0
        ? ''
        : `Default: \`${JSON.stringify(property.default)}\`.`;
    const text = [property.description ?? '', `Value: ${typeOf(property)}.`, fallback]
      .filter((part) => part !== '')
      .join(' ');
    return [
      '.TP',
      `\\fB${roffText(name)}\\fR`,
      roffText(text),
      ...inner.flatMap(({ label, object }) =>
        label === ''
          ? keysOf(object, `${name}${property.type === 'array' ? '[]' : ''}.`, context)
          : [`.SS ${roffText(`${name}[] of type ${label}`)}`, ...keysOf(object, `${name}[].`, context)],
      ),
    ];
  });

/** The objects that a value, or an item of a list, can be. */
const objectsOf = (property) => {
  const value = property.items ?? property;
  if (value.oneOf !== undefined)
    return value.oneOf.map((object) => ({ label: object.properties.type.const, object }));
  return [value, ...(value.anyOf ?? [])]
    .filter(({ properties }) => properties !== undefined)
    .map((object) => ({ label: '', object }));
};

/** Longer than this, `hooks` would stand between the other keys: its variants have headings. */
const lastKeys = ['hooks'];

const ordered = ({ properties, ...rest }) => ({
  ...rest,
  properties: Object.fromEntries(
    Object.entries(properties).sort(([a], [b]) => lastKeys.indexOf(a) - lastKeys.indexOf(b)),
  ),
});

export const configPage = ({ schema, example, typeOf, version, pageDate, roffText }) =>
  `${[
    `.TH IMGSYNC\\-FAST.JSON 5 "${pageDate}" "imgsync-fast ${version}" "File Formats"`,
    '.SH NAME',
    `${roffText('imgsync-fast.json')} \\- configuration of imgsync\\-fast`,
    '.SH DESCRIPTION',
    roffText(
      'One file of JSON for each tree that is replicated; comments and trailing commas are allowed, unknown keys are not. `imgsync-fast check --config FILE` names every fault. Sizes are bytes as a number or a text such as "64m" (k, m, g, t: powers of 1024). Paths are absolute.',
    ),
    '.SH EXAMPLE',
    '.nf',
    roffText(example),
    '.fi',
    '.SH KEYS',
    ...keysOf(ordered(schema), '', { typeOf, roffText }),
    '.SH FILES',
    '.TP',
    '.I /etc/imgsync\\-fast/config.json',
    'What the unit imgsync\\-fast.service runs with;',
    '.I /etc/imgsync\\-fast/NAME.json',
    'is that of imgsync\\-fast@NAME.service.',
    '.SH SEE ALSO',
    '.BR imgsync\\-fast (1),',
    '.BR rsync (1)',
  ].join('\n')}\n`;
