/**
 * Makes foreign text safe for a terminal: control characters, line separators, unpaired surrogates and all that
 * turns, hides or pads the text around it (bidirectional marks, zero-width characters, tags, fillers) stand as `\u{…}`.
 * Letters of all scripts, emoji and blanks stay as they are. Apply it to a whole line: then a peer's part of it can't begin another.
 */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`);
}

/** JSON in which the same characters are escaped in the way of JSON: it parses to the same value. */
export function printableJson(json: string): string {
  return json.replace(UNPRINTABLE, (character) => character.replace(/[^]/g, inJson));
}

/** Controls, formats, surrogates, private use, what no version of Unicode has given a meaning, separators of lines, fillers, selectors. */
const UNPRINTABLE =
  /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}\u115f\u1160\u3164\uffa0\u034f\u180b-\u180f\ufe00-\ufe0e\u{e0100}-\u{e01ef}]/gu;

function inJson(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
