import assert from 'node:assert/strict';
import fc from 'fast-check';
import { lintText } from '../../src/kickstart/lint/lint.ts';
import { parseKickstart } from '../../src/kickstart/parse.ts';
import { printKickstart } from '../../src/kickstart/print.ts';
import { RELEASES } from '../../src/kickstart/spec.ts';
import type { Item, KickstartDocument, OptionValue } from '../../src/kickstart/types.ts';

/** What a document says, without where it says it. */
function tree({ items }: KickstartDocument): unknown {
  return items.map((item: Item) => {
    if (item.kind === 'command') {
      const words = item.words.map(({ text }) => text);
      return [
        item.kind,
        item.name,
        words,
        optionTree(item.options),
        item.positionals.map(({ text }) => text),
      ];
    }
    if (item.kind === 'section') {
      return [
        item.kind,
        item.name,
        optionTree(item.options),
        item.positionals.map(({ text }) => text),
        item.body,
      ];
    }
    return [item.kind, item.target.text];
  });
}

function optionTree(options: ReadonlyMap<string, readonly OptionValue[]>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    [...options].map(([name, values]) => [name, values.map(({ value }) => value?.text)]),
  );
}

const anyText = fc.string({ unit: 'binary', maxLength: 200 });
/** Pieces that make up kickstarts, and the characters that take them apart. */
const pieces = fc.constantFrom(
  ...[
    'part',
    '/',
    'raid',
    'volgroup',
    'vg',
    'pv.01',
    'rootpw',
    'network',
    'realm join',
    '--size',
    '--size=1',
    '--fs=x',
  ],
  ...[
    '%post',
    '%packages',
    '%end',
    '%include',
    '%include x',
    '%ksappend y',
    '%addon a',
    '%nosuch',
    '@core',
    '-',
    '@g --optional',
  ],
  ...[
    ' ',
    '\t',
    '\n',
    '\n',
    '\n',
    '\r\n',
    '\r',
    '\v',
    '\f',
    '\x1c',
    '\x85',
    '\u2028',
    '\u3000',
    '\ufeff',
    '\0',
  ],
  ...['"', "'", '\\', '#', '=', '--', '😀', 'é'],
);
const kickstartText = fc.array(pieces, { maxLength: 40 }).map((parts) => parts.join(''));
const text = fc.oneof(anyText, kickstartText);
const release = fc.constantFrom(...RELEASES);

describe('reading any text', () => {
  it('gives a document and problems with places inside the file', () => {
    fc.assert(
      fc.property(text, release, (source, of) => {
        const lines = source.split('\n');
        for (const problem of lintText(source, 'any.ks', { release: of, disksMiB: [1000, 1000] }).problems) {
          const line = lines[problem.line - 1];
          assert.ok(line !== undefined, `line ${problem.line} of ${lines.length}`);
          assert.ok(problem.column >= 1 && problem.column <= line.length + 1, `column ${problem.column}`);
          assert.notEqual(problem.hint, '', problem.rule);
        }
      }),
      { numRuns: 800 },
    );
  });

  it('gives words whose place is where they stand', () => {
    fc.assert(
      fc.property(text, (source) => {
        const lines = source.split('\n');
        for (const item of parseKickstart(source, 'any.ks', 'embedded').document.items) {
          if (item.kind !== 'command') continue;
          for (const word of item.words) {
            const at = lines[word.line - 1]?.slice(word.column - 1);
            assert.ok(at?.startsWith(word.raw), `${JSON.stringify(word)} in ${JSON.stringify(at)}`);
          }
        }
      }),
      { numRuns: 400 },
    );
  });

  it('survives printing: what is printed is read as the same document', () => {
    fc.assert(
      fc.property(text, release, (source, of) => {
        const { document } = parseKickstart(source, 'any.ks', of);
        const again = parseKickstart(printKickstart(document), 'any.ks', of).document;
        assert.deepEqual(tree(again), tree(document));
      }),
      { numRuns: 1500 },
    );
  });
});
