/** Version of the JSON documents; it changes when a field is removed or gets another meaning. */
const version = 1;

/** Data: one JSON document on standard output. Its `schema` is `imgsync-fast/NAME/1`. */
export const printJson = (name: string, document: object): void => {
  print(JSON.stringify({ schema: `imgsync-fast/${name}/${version}`, ...document }, undefined, 2));
};

/** Data for people: whole lines on standard output. */
export const print = (text: string): void => {
  process.stdout.write(`${text}\n`);
};

/** Words beside the data: a line on standard error. */
export const say = (line: string): void => {
  process.stderr.write(`${line}\n`);
};
