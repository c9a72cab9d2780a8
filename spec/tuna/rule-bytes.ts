/** A fault packet with any code and any text in the place of its rule. */
export function ruleOfBytes(code: number, rule: string): Uint8Array {
  const text = Buffer.from(rule);
  const length = text.length < 128 ? [text.length] : [(text.length & 0x7f) | 0x80, text.length >>> 7];
  return Uint8Array.of(0x60, code, 0x6a, ...length, ...text);
}
