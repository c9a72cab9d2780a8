/** The word of the list that was meant, if one is near: a slip of the finger in three letters, or a beginning of it. */
export function nearest(word: string, words: readonly string[]): string | undefined {
  const given = word.toLowerCase().slice(0, WORD_MAX);
  const begins = words.filter((each) => given.length > 1 && each.startsWith(given));
  if (begins.length === 1) return begins[0];
  const ranked = words.map((each) => ({ each, slips: slipsBetween(given, each) })).sort((a, b) => a.slips - b.slips);
  const [first] = ranked;
  return first !== undefined && first.slips <= Math.max(1, Math.floor(first.each.length / 3)) ? first.each : undefined;
}

/** No command is nearly as long. */
const WORD_MAX = 32;

/** Letters put in, left out, replaced, or swapped with their neighbour (optimal string alignment). */
function slipsBetween(a: string, b: string): number {
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const isSame = a[i - 1] === b[j - 1];
      let slips = Math.min(last[j]! + 1, row[j - 1]! + 1, last[j - 1]! + (isSame ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) slips = Math.min(slips, before[j - 2]! + 1);
      row.push(slips);
    }
    [before, last] = [last, row];
  }
  return last[b.length]!;
}
