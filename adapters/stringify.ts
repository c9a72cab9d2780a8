/**
 * JSON text of a message or payload, for logs. Integers beyond 2^53 are `bigint`s in payloads, and `JSON.stringify` throws on them;
 * here they are written as the numbers that they are on the wire. Never throws: what JSON can't say is written as a string.
 */
export function stringifyPayload(value: unknown): string {
  try {
    return textOf(value, []) ?? 'null';
  } catch {
    return '"(too deep to be shown)"'; // The stack is used up.
  }
}

function textOf(value: unknown, above: readonly object[]): string | undefined {
  switch (typeof value) {
    case 'bigint':
      return String(value);
    case 'number':
      return Number.isFinite(value) ? String(value) : `"${value}"`;
    case 'boolean':
    case 'string':
      return JSON.stringify(value);
    case 'object':
      return value === null ? 'null' : objectText(value, above);
    default:
      return undefined;
  }
}

function objectText(value: object, above: readonly object[]): string {
  if (above.includes(value)) return '"(circular)"';
  const inside = [...above, value];
  if (Array.isArray(value)) return `[${value.map((each: unknown) => textOf(each, inside) ?? 'null').join(',')}]`;
  if (value instanceof Date || value instanceof URL) return JSON.stringify(value);
  const members = Object.keys(value).flatMap((name) => {
    const text = textOf(memberOf(value, name), inside);
    return text === undefined ? [] : [`${JSON.stringify(name)}:${text}`];
  });
  return `{${members.join(',')}}`;
}

/** A getter may throw. */
function memberOf(value: object, name: string): unknown {
  try {
    return Reflect.get(value, name);
  } catch {
    return '(unreadable)';
  }
}
