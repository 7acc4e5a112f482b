import assert from 'node:assert/strict';
import { parseKickstart } from '../../src/kickstart/parse.ts';
import type { CommandLine, Item, KickstartRelease, Section } from '../../src/kickstart/types.ts';

function parse(text: string, release: KickstartRelease = 'rhel9') {
  return parseKickstart(text, 'a.ks', release);
}

function only(text: string): Item {
  const { document, problems } = parse(text);
  assert.deepEqual(problems, []);
  assert.equal(document.items.length, 1);
  const [item] = document.items;
  assert.ok(item !== undefined);
  return item;
}

function command(text: string): CommandLine {
  const item = only(text);
  assert.ok(item.kind === 'command');
  return item;
}

function section(text: string): Section {
  const item = only(text);
  assert.ok(item.kind === 'section');
  return item;
}

/** `line:column rule` of every problem. */
function places(text: string, release?: KickstartRelease): readonly string[] {
  return parse(text, release).problems.map(({ line, column, rule }) => `${line}:${column} ${rule}`);
}

function words(text: string): readonly string[] {
  return command(text).words.map((word) => word.text);
}

describe('words of a line', () => {
  it('are split at blanks and freed from quotes', () => {
    assert.deepEqual(words(`rootpw "a b"`), ['a b']);
    assert.deepEqual(words(`rootpw a' b 'c`), ['a b c']);
    assert.deepEqual(words(`rootpw ""x''`), ['x']);
    assert.deepEqual(words('rootpw\ta\\ b'), ['a b']);
  });

  it('keep a backslash inside double quotes unless it stands before a quote or a backslash', () => {
    assert.deepEqual(words(String.raw`rootpw "\a\"\\"`), [String.raw`\a"\ `.trimEnd()]);
    assert.deepEqual(words(String.raw`rootpw '\a'`), [String.raw`\a`]);
  });

  it('end at a # outside quotes, even inside a word', () => {
    assert.deepEqual(words('rootpw a#b c'), ['a']);
    assert.deepEqual(words('rootpw "a#b"'), ['a#b']);
    assert.deepEqual(words('text # on'), []);
  });

  it('know where they stand and how they were written', () => {
    const [, label] = command('  part / --label="a b"').words;
    assert.deepEqual(label, { file: 'a.ks', line: 1, column: 10, text: '--label=a b', raw: '--label="a b"' });
  });

  it('are found behind Windows line ends, tabs and beyond ASCII', () => {
    const { document, problems } = parse('text\r\n\tuser --name=é --gecos="日本"\r\n');
    assert.deepEqual(problems, []);
    const [, user] = document.items;
    assert.ok(user?.kind === 'command');
    assert.deepEqual([user.line, user.column, user.words.at(-1)?.text], [2, 2, '--gecos=日本']);
    assert.equal(user.words.at(-1)?.column, 16);
  });

  it('are found where an editor finds them when a form feed ends a line for pykickstart', () => {
    const { document } = parse('text\fskipx\nlang x\n');
    assert.deepEqual(
      document.items.map(({ line, column }) => [line, column]),
      [
        [1, 1],
        [1, 6],
        [2, 1],
      ],
    );
  });

  it('do not go on in the next line', () => {
    assert.deepEqual(places('rootpw "a\nb"\n'), ['1:8 unclosed-quote', '2:2 unclosed-quote']);
    assert.deepEqual(places('lang \\\nen_US\n'), ['2:1 unknown-command']);
    assert.deepEqual(places('lang x\\'), ['1:7 unclosed-quote']);
  });
});

describe('options', () => {
  it('are stored under their first name, in order, with option and value in place', () => {
    const { options, positionals } = command('firewall --enable --port=1 --port 2:udp');
    assert.deepEqual([...options.keys()], ['--enabled', '--port']);
    assert.deepEqual(
      options.get('--port')?.map(({ option, value }) => [option.column, value?.column, value?.text]),
      [
        [19, 26, '1'],
        [28, 35, '2:udp'],
      ],
    );
    assert.equal(options.get('--enabled')?.[0]?.value, undefined);
    assert.deepEqual(positionals, []);
  });

  it('may be shortened while that is unambiguous', () => {
    assert.equal(command('part / --siz 5').options.get('--size')?.[0]?.value?.text, '5');
    assert.deepEqual(places('part / --size=1 --fs=x'), ['1:17 ambiguous-option']);
  });

  it('leave the positionals to the words between them', () => {
    const { positionals } = command('raid / --device=a raid.1 --level=1 raid.2');
    assert.deepEqual(
      positionals.map(({ text }) => text),
      ['/', 'raid.1', 'raid.2'],
    );
    assert.equal(command('raid / --device=a --level=1 raid.1').positionals.length, 2);
  });

  it('take a negative number and a word with a blank for a value, but no word that looks like an option', () => {
    assert.deepEqual(places('bootloader --append "-a b"'), []);
    assert.deepEqual(places('part / --size -5'), []);
    assert.deepEqual(places('bootloader --append -a'), ['1:12 missing-value', '1:21 unknown-option']);
  });

  it('come with a suggestion when they are mistyped', () => {
    const [problem] = parse('part / --sise=5').problems;
    assert.equal(problem?.hint, "did you mean '--size'?");
    assert.equal(problem?.length, '--sise=5'.length);
  });
});

describe('a file with faults', () => {
  it('is read to its end, and every fault is reported', () => {
    const text = [
      'part --size=x',
      'netwrok',
      'part / --grow=1 --bogus more',
      '%packages',
      '-',
      '%post',
      '%end',
    ].join('\n');
    assert.deepEqual(places(text), [
      '1:13 invalid-value',
      '1:1 missing-argument',
      '2:1 unknown-command',
      '3:8 unexpected-value',
      '3:17 unknown-option',
      '3:25 unexpected-argument',
      '5:1 bad-package-line',
      '4:1 missing-end',
    ]);
    assert.equal(parse(text).document.items.at(-1)?.kind, 'section');
  });

  it('goes on behind a section nobody knows', () => {
    assert.deepEqual(places('%nosuch\nfoo bar\n%end\ntext on\n'), [
      '1:1 unknown-section',
      '4:6 unexpected-argument',
    ]);
    assert.deepEqual(places('text\n%end\n'), ['2:1 unknown-section']);
  });
});

describe('sections', () => {
  it('carry options, body and the line of the body', () => {
    const post = section('%post --nochroot --logfile=/root/x # why\n# a comment\n\necho %end\n%end\n');
    assert.deepEqual([...post.options.keys()], ['--nochroot', '--log']);
    assert.equal(post.body, '# a comment\n\necho %end');
    assert.equal(post.bodyLine, 2);
  });

  it('keep words of add-ons', () => {
    const addon = section('%addon com_redhat_kdump --enable "a b"\nx\n%end\n');
    assert.deepEqual(
      addon.positionals.map(({ text }) => text),
      ['com_redhat_kdump', '--enable', 'a b'],
    );
  });

  it('hold lines that begin with a percent sign as long as no section is named so', () => {
    assert.equal(section('%post\n%define x\n%include y\n  %end\n').body, '%define x\n%include y');
  });

  it('must end before another begins', () => {
    assert.deepEqual(places('%pre\necho\n%post\n%end\n'), ['1:1 missing-end']);
    assert.deepEqual(places('%pre\necho\n'), ['1:1 missing-end']);
  });
});

describe('includes', () => {
  it('are items with a target', () => {
    const item = only('%include "/tmp/a b"');
    assert.ok(item.kind === 'include');
    assert.equal(item.target.text, '/tmp/a b');
    assert.deepEqual(places('%include'), ['1:1 bad-include']);
    assert.deepEqual(places('%post\n  %include\n%end'), ['2:3 bad-include']);
  });
});

describe('lines that depend on earlier lines', () => {
  it('are judged by what those have set', () => {
    assert.deepEqual(places('ignoredisk --drives=a\nignoredisk --only-use=b'), ['2:1 option-conflict']);
    assert.deepEqual(places('keyboard --xlayouts=us\nkeyboard'), []);
    assert.deepEqual(places('autopart\npart / --size=1'), ['2:1 command-conflict']);
    assert.deepEqual(places('part / --size=1\npart // --size=1'), []);
    assert.deepEqual(places('part /a/ --size=1\npart /a --size=1'), ['2:1 duplicate']);
  });
});

describe('releases', () => {
  it('have their own commands and options', () => {
    assert.deepEqual(places('timezone a --isUtc', 'rhel8'), []);
    assert.deepEqual(places('timezone a --isUtc', 'rhel9'), ['1:12 deprecated-option']);
    assert.deepEqual(places('timezone a --isUtc', 'rhel10'), ['1:12 unknown-option']);
    assert.deepEqual(places('install', 'rhel8'), ['1:1 deprecated-command']);
    assert.deepEqual(places('install', 'rhel9'), ['1:1 removed-command']);
  });

  it('embedded reads what one of them reads without calling it deprecated', () => {
    const text =
      'timezone a --isUtc\ntimesource --ntp-server=b\nbtrfs / btrfs.1\nupdates\nharddrive --biospart=a --dir=b\nbootloader --sdboot\n';
    assert.deepEqual(places(text, 'embedded'), []);
    assert.deepEqual(places('install\npart / --active --size=1', 'embedded'), [
      '1:1 deprecated-command',
      '2:8 unknown-option',
    ]);
  });
});
