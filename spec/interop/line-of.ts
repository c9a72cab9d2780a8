/** A line of a program as its value; undefined where we killed the program in the middle of it. */
export function valueOfLine<Value>(line: string, { killed }: { readonly killed: boolean }): Value | undefined {
  try {
    return JSON.parse(line) as Value;
  } catch (error) {
    if (killed) return undefined;
    throw error;
  }
}
