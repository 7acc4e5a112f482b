/** Two texts side by side, as `diff -u` writes it. */

interface Change {
  readonly sign: ' ' | '-' | '+';
  readonly line: string;
}

const CONTEXT = 3;
/** Beyond this many lines on both sides the table of the comparison gets too large; the rest is shown as replaced. */
const MOST_CELLS = 4_000_000;

/** Empty when the texts are equal. */
export function unifiedDiff(before: string, after: string, names: readonly [string, string]): string {
  if (before === after) return '';
  const changes = compare(before.split('\n'), after.split('\n'));
  return [`--- ${names[0]}`, `+++ ${names[1]}`, ...hunks(changes)].join('\n');
}

/** The shortest way from one to the other, by a longest common subsequence between common ends. */
function compare(before: readonly string[], after: readonly string[]): readonly Change[] {
  let head = 0;
  while (head < before.length && head < after.length && before[head] === after[head]) head += 1;
  let tail = 0;
  while (
    tail < Math.min(before.length, after.length) - head &&
    before[before.length - 1 - tail] === after[after.length - 1 - tail]
  )
    tail += 1;
  const same = (lines: readonly string[]) => lines.map((line): Change => ({ sign: ' ', line }));
  return [
    ...same(before.slice(0, head)),
    ...compareMiddle(before.slice(head, before.length - tail), after.slice(head, after.length - tail)),
    ...same(before.slice(before.length - tail)),
  ];
}

function compareMiddle(before: readonly string[], after: readonly string[]): readonly Change[] {
  const removed = (line: string): Change => ({ sign: '-', line });
  const added = (line: string): Change => ({ sign: '+', line });
  if (before.length * after.length > MOST_CELLS) return [...before.map(removed), ...after.map(added)];
  const width = after.length + 1;
  const common = new Uint32Array((before.length + 1) * width);
  const at = (i: number, j: number): number => common[i * width + j] ?? 0;
  for (let i = before.length - 1; i >= 0; i -= 1) {
    for (let j = after.length - 1; j >= 0; j -= 1) {
      common[i * width + j] =
        before[i] === after[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
    }
  }
  const changes: Change[] = [];
  let [i, j] = [0, 0];
  while (i < before.length || j < after.length) {
    const [left, right] = [before[i], after[j]];
    if (left !== undefined && left === right) {
      changes.push({ sign: ' ', line: left });
      [i, j] = [i + 1, j + 1];
    } else if (left !== undefined && (right === undefined || at(i + 1, j) >= at(i, j + 1))) {
      changes.push(removed(left));
      i += 1;
    } else {
      changes.push(added(right ?? ''));
      j += 1;
    }
  }
  return changes;
}

function hunks(changes: readonly Change[]): readonly string[] {
  const near = changes.map((_, index) =>
    changes.slice(Math.max(0, index - CONTEXT), index + CONTEXT + 1).some(({ sign }) => sign !== ' '),
  );
  const lines: string[] = [];
  let [left, right] = [1, 1];
  changes.forEach(({ sign, line }, index) => {
    if (near[index] === true) {
      if (near[index - 1] !== true) {
        const end = near.indexOf(false, index);
        const part = changes.slice(index, end < 0 ? changes.length : end);
        const count = (other: Change['sign']): number =>
          part.filter((change) => change.sign !== other).length;
        lines.push(`@@ -${left},${count('+')} +${right},${count('-')} @@`);
      }
      lines.push(`${sign}${line}`);
    }
    if (sign !== '+') left += 1;
    if (sign !== '-') right += 1;
  });
  return lines;
}
