/** Makes a value anew when it is older than `maxAgeMs`, however often it is asked for. */
export const cached = <Value>(maxAgeMs: number, make: () => Value): (() => Value) => {
  let last: { readonly value: Value; readonly at: number } | undefined;
  return () => {
    const now = performance.now();
    if (last === undefined || now - last.at > maxAgeMs) last = { value: make(), at: now };
    return last.value;
  };
};
