const numbers = new Intl.NumberFormat('en-US');

export const count = (value) => numbers.format(value);

export const plural = (value, one, many = `${one}s`) => `${count(value)} ${value === 1 ? one : many}`;

export const seconds = (value) => {
  if (value < 0.05) return '0 s';
  if (value < 60) return `${value < 10 ? value.toFixed(1) : Math.round(value)} s`;
  if (value < 5_400) return `${Math.round(value / 60)} min`;
  return value < 172_800 ? `${(value / 3_600).toFixed(1)} h` : `${Math.round(value / 86_400)} d`;
};

export const bytes = (value) => {
  const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];
  let size = value;
  let unit = 0;
  while (size >= 1000 && unit < units.length - 1) {
    size /= 1000;
    unit++;
  }
  return `${size < 10 && unit > 0 ? size.toFixed(1) : Math.round(size)} ${units[unit]}`;
};

export const rate = (bytesPerSecond) => `${bytes(bytesPerSecond)}/s`;

/** `12:31:07`, with the day when it is another one. */
export const clock = (time) => {
  const date = new Date(time);
  const isToday = date.toDateString() === new Date().toDateString();
  const hours = date.toLocaleTimeString('en-GB');
  return isToday ? hours : `${date.toLocaleDateString('en-CA')} ${hours}`;
};

export const ago = (time) => {
  const age = (Date.now() - Date.parse(time)) / 1000;
  return age < 2 ? 'just now' : `${seconds(age < 10 ? Math.round(age) : age).replace('.0 ', ' ')} ago`;
};
