/** Which known names a mistyped one may have meant: by edit distance (Levenshtein, swaps counted as one), or as a part of them. */

const MOST = 4;

export const nearestNames = (wanted: string, known: readonly string[]): string[] => {
  const text = wanted.toLowerCase();
  const bound = text.length <= 4 ? 1 : 2;
  const scored = [...new Set(known)]
    .map((name) => ({
      name,
      distance: distanceOf(text, name.toLowerCase()),
      contains: text.length >= 2 && name.toLowerCase().includes(text),
    }))
    .filter(({ distance, contains }) => contains || distance <= bound);
  return scored
    .sort((x, y) => x.distance - y.distance || (x.name < y.name ? -1 : 1))
    .slice(0, MOST)
    .map(({ name }) => name);
};

/** Optimal string alignment distance. Names are short; long ones from a hostile snapshot are cut. */
const distanceOf = (x: string, y: string): number => {
  const a = x.slice(0, 64);
  const b = y.slice(0, 64);
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let best = Math.min((last[j] as number) + 1, (row[j - 1] as number) + 1, (last[j - 1] as number) + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) best = Math.min(best, (before[j - 2] as number) + 1);
      row.push(best);
    }
    before = last;
    last = row;
  }
  return last[b.length] as number;
};
