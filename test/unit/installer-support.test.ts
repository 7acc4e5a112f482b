import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../src/host/package-root.ts';
import { judgeSupport, SATISFIED_OPTIONS } from '../../src/installer/system-config-support.ts';
import { tableFor } from '../../src/kickstart/table.ts';
import type { CommandLine, Section } from '../../src/kickstart/types.ts';
import { documentOf } from '../helpers/installer.ts';

/** `what: line:column message` of everything that is said about a kickstart. */
function said(text: string): readonly string[] {
  const { items } = documentOf(text);
  const { problems, warnings } = judgeSupport(
    items.filter((item): item is CommandLine => item.kind === 'command'),
    items.filter((item): item is Section => item.kind === 'section'),
  );
  return [...problems, ...warnings].map(
    ({ severity, line, column, message }) => `${severity}: ${line}:${column} ${message}`,
  );
}

/** Whether a command or a section without any options is neither refused nor left out. */
function isCarriedOut({ name, section }: { name?: string; section?: Section['name'] }): boolean {
  const place = { file: 'test.ks', line: 1, column: 1 };
  const options = new Map();
  const commands: CommandLine[] =
    name === undefined ? [] : [{ kind: 'command', ...place, name, options, positionals: [], words: [] }];
  const sections: Section[] =
    section === undefined
      ? []
      : [{ kind: 'section', ...place, name: section, options, positionals: [], body: '', bodyLine: 2 }];
  const { problems, warnings } = judgeSupport(commands, sections);
  return problems.length + warnings.length === 0;
}

describe('what the installer does not do', () => {
  it('is refused at its word when the installed system would be another one', () => {
    assert.deepEqual(
      said('realm join x\nbootloader --leavebootorder\nrepo --name=a --baseurl=file:///x --excludepkgs=b\n'),
      [
        "error: 1:1 this installer does not carry out 'realm'",
        'error: 2:12 this installer does not know --leavebootorder',
        'error: 3:35 this installer does not know --excludepkgs',
      ],
    );
    assert.deepEqual(said('%packages --ignorebroken\n%end\n%addon x\n%end\n'), [
      "error: 3:1 this installer does not carry out '%addon'",
      'error: 1:11 this installer does not know --ignorebroken',
    ]);
  });

  it('is told where it can be left out', () => {
    assert.deepEqual(said('vnc\nbootloader --default=x\n%packages --excludedocs --retries=3\n%end\n'), [
      "warning: 1:1 'vnc' is left out: this installer has no screens to show",
      "warning: 2:12 'bootloader --default' is left out: the image has one kernel",
      "warning: 3:11 '%packages --excludedocs' is left out: the image is one piece",
    ]);
  });

  it('is to bind a card that the kickstart calls by its name, and no other', () => {
    const network = (device: string): string => `network --bootproto=dhcp --bindto=mac --device=${device}\n`;
    assert.deepEqual(said(network('52:54:00:00:00:0A')), []);
    assert.deepEqual(said(network('bond0 --bondslaves=eth0,eth1')), []);
    assert.deepEqual(said(network('eth0')), [
      "warning: 1:26 'network --bindto' is left out: the configuration goes by the name eth0",
    ]);
  });

  it('is never an option of a command that nobody looks at', () => {
    const folder = join(packageRoot(), 'src/installer');
    const source = readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts'))
      .map((file) => readFileSync(join(folder, file), 'utf8'))
      .join('\n');
    // Put together from words: `--${mode}`.
    const built = [
      ...['clearpart --linux', 'clearpart --none', 'selinux --enforcing'],
      ...['ftp', 'http', 'smtp', 'ssh'].map((service) => `firewall --${service}`),
    ];
    const { commands, sections } = tableFor('embedded');
    const carriedOut = [
      ...[...commands].filter(([name]) => isCarriedOut({ name })),
      ...[...sections]
        .filter(([name]) => isCarriedOut({ section: name }))
        .map(([name, known]) => [`%${name}`, known] as const),
    ];
    assert.ok(carriedOut.length > 40);
    const unread = carriedOut.flatMap(([name, { grammar }]) =>
      [...new Set([...grammar.options.values()].map(({ spec }) => spec.names[0]))]
        .filter(
          (option = '') => !SATISFIED_OPTIONS[name]?.includes(option) && !source.includes(`'${option}'`),
        )
        .map((option) => `${name} ${option}`),
    );
    assert.deepEqual(
      unread.filter((one) => !built.includes(one)),
      [],
    );
  });
});
