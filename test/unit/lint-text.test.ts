import assert from 'node:assert/strict';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseDiskSizes } from '../../src/kickstart/lint/disk-sizes.ts';
import { lint, lintText } from '../../src/kickstart/lint/lint.ts';
import {
  parseShellcheck,
  shellcheckArguments,
  shellProblems,
  shellScripts,
} from '../../src/kickstart/lint/shell.ts';
import type { LintOptions } from '../../src/kickstart/lint/types.ts';
import { makeTempDir } from '../helpers/tmp.ts';

const RHEL9: LintOptions = { release: 'rhel9' };

/** `line:column rule` of the findings of one rule. */
function found(rule: string, text: string, options: LintOptions = RHEL9): readonly string[] {
  return lintText(text, 'a.ks', options)
    .problems.filter((problem) => problem.rule === rule)
    .map(({ line, column }) => `${line}:${column}`);
}

function messages(rule: string, text: string, options: LintOptions = RHEL9): readonly string[] {
  return lintText(text, 'a.ks', options)
    .problems.filter((problem) => problem.rule === rule)
    .map(({ message }) => message);
}

const MIRROR = `part raid.11 --size=1024 --ondisk=a
part raid.12 --size=1024 --ondisk=b
raid /boot --device=boot --level=1 --fstype=ext4 raid.11 raid.12
`;

describe('the rule about biosboot', () => {
  it('counts only on a GPT: by --disklabel, by another biosboot, or by the release', () => {
    assert.deepEqual(found('biosboot-missing', MIRROR), []);
    assert.equal(found('biosboot-missing', `clearpart --disklabel=gpt --drives=a,b\n${MIRROR}`).length, 2);
    assert.equal(found('biosboot-missing', MIRROR, { release: 'fedora44' }).length, 2);
    const msdos = `clearpart --disklabel=msdos --drives=a,b\n${MIRROR}`;
    assert.deepEqual(found('biosboot-missing', msdos, { release: 'fedora44' }), []);
    assert.deepEqual(messages('biosboot-missing', `part biosboot --size=1 --ondisk=a\n${MIRROR}`), [
      'b carries a member of /boot, but no biosboot partition',
    ]);
  });

  it('lets a layout for UEFI alone pass, and a file whose partitions come from elsewhere', () => {
    const esp = 'part /boot/efi --fstype=efi --size=600 --ondisk=a\n';
    assert.deepEqual(found('biosboot-missing', `${esp}${MIRROR}`, { release: 'rhel10' }), []);
    assert.deepEqual(found('biosboot-missing', `%include /tmp/x\n${MIRROR}`, { release: 'rhel10' }), []);
  });

  it('looks at / where /boot is no file system of its own', () => {
    assert.equal(found('biosboot-missing', MIRROR.replace('/boot', '/'), { release: 'rhel10' }).length, 2);
    const separate = `part /boot --size=1024 --ondisk=a\n${MIRROR.replace('/boot', '/')}`;
    assert.deepEqual(found('biosboot-missing', separate, { release: 'rhel10' }), []);
    assert.deepEqual(found('boot-loader-on-one-disk', separate), ['1:6']);
  });
});

describe('the rule about sizes', () => {
  const parts =
    'part /a --size=600 --ondisk=x\npart /b --size=500 --ondisk=x\npart /c --size=900 --ondisk=y\n';

  it('adds up every declared disk, in the order in which the file names them', () => {
    assert.deepEqual(found('does-not-fit', parts), []);
    assert.deepEqual(found('does-not-fit', parts, { ...RHEL9, disksMiB: [1102, 1000] }), []);
    assert.deepEqual(found('does-not-fit', parts, { ...RHEL9, disksMiB: [1101, 1000] }), ['2:16']);
    assert.deepEqual(messages('does-not-fit', parts, { ...RHEL9, disksMiB: [1000, 500] }), [
      '1100 MiB are asked for, but x has room for 998 MiB',
      '900 MiB are asked for, but y has room for 498 MiB',
    ]);
  });

  it('finds more disks named than declared', () => {
    assert.deepEqual(messages('does-not-fit', parts, { ...RHEL9, disksMiB: [5000] }), [
      '2 disks are named, but 1 declared',
    ]);
    const list = 'ignoredisk --only-use=x,y,z';
    assert.deepEqual(found('does-not-fit', list, { ...RHEL9, disksMiB: [5000, 5000] }), ['1:27']);
  });

  it('adds up partitions without a disk against all disks', () => {
    const anywhere = 'part / --size=1500\npart /b --size=600\n';
    assert.deepEqual(found('does-not-fit', anywhere, { ...RHEL9, disksMiB: [1052, 1052] }), []);
    assert.deepEqual(found('does-not-fit', anywhere, { ...RHEL9, disksMiB: [1051, 1052] }), ['2:16']);
  });

  it('adds up volume groups on partitions, mirrors and the rest of a disk', () => {
    const volumes = 'logvol / --vgname=v --name=a --size=4000\nlogvol /b --vgname=v --name=b --size=4000\n';
    const mirror = `part raid.1 --size=8001 --ondisk=x\npart raid.2 --size=9000 --ondisk=y
raid pv.1 --device=p --level=1 raid.1 raid.2\nvolgroup v pv.1\n`;
    assert.deepEqual(found('does-not-fit', mirror + volumes), []);
    assert.deepEqual(found('does-not-fit', mirror.replace('8001', '8000') + volumes), ['6:38']);
    const rest = 'part /boot --size=1000 --ondisk=x\npart pv.1 --size=1 --grow --ondisk=x\nvolgroup v pv.1\n';
    assert.deepEqual(found('does-not-fit', rest + volumes), []);
    assert.deepEqual(found('does-not-fit', rest + volumes, { ...RHEL9, disksMiB: [9003] }), []);
    assert.deepEqual(found('does-not-fit', rest + volumes, { ...RHEL9, disksMiB: [9002] }), ['5:38']);
  });

  it('does not count thin volumes, existing ones and tmpfs', () => {
    const thin = `part pv.1 --size=1005\nvolgroup v pv.1\nlogvol none --vgname=v --name=pool --thinpool --size=1000
logvol / --vgname=v --name=a --thin --poolname=pool --size=5000
logvol /old --vgname=v --name=old --useexisting\npart /tmp --fstype=tmpfs --size=9000\n`;
    assert.deepEqual(found('does-not-fit', thin, { ...RHEL9, disksMiB: [1010] }), []);
  });

  it('finds percentages that leave nothing', () => {
    const volumes = (a: string, b: string) =>
      `logvol / --vgname=v --name=a ${a}\nlogvol /b --vgname=v --name=b ${b}\n`;
    assert.deepEqual(found('grow-leaves-nothing', volumes('--percent=60', '--percent=50')), ['2:41']);
    assert.deepEqual(found('grow-leaves-nothing', volumes('--percent=100', '--size=5')), ['2:1']);
    assert.deepEqual(found('grow-leaves-nothing', volumes('--percent=60', '--percent=40')), []);
    assert.deepEqual(found('grow-leaves-nothing', volumes('--size=1 --grow', '--size=1 --grow')), []);
  });
});

describe('--disks', () => {
  it('takes counts and units as disks are sold', () => {
    assert.deepEqual(parseDiskSizes('2x500Gi'), [512_000, 512_000]);
    assert.deepEqual(parseDiskSizes('500G, 1.5TiB')?.map(Math.floor), [476_837, 1_572_864]);
    for (const wrong of ['', '5', '2x', 'x5G', '5P', '5G;', '-5G', '9999x5G'])
      assert.equal(parseDiskSizes(wrong), undefined, wrong);
  });
});

describe('rules about names and order', () => {
  it('name a kernel name once, whatever way it is written', () => {
    const text =
      'ignoredisk --only-use=sda,nvme0n1\nclearpart --drives=sda --all\npart / --size=1 --ondisk=/dev/sda\n';
    assert.deepEqual(found('unstable-disk-name', text), ['1:23', '1:27']);
    assert.deepEqual(found('unstable-disk-name', 'part / --onpart=sda1 --noformat'), ['1:17']);
    assert.deepEqual(found('unstable-disk-name', 'part / --size=1 --ondisk=disk/by-path/pci-0'), []);
  });

  it('find references to nothing, and definitions that come late', () => {
    const text = 'volgroup v pv.1\npart pv.1 --size=9000\nlogvol / --vgname=w --name=a --size=5\n';
    assert.deepEqual(found('order', text), ['1:12']);
    assert.deepEqual(found('undefined-reference', text), ['3:19']);
    assert.deepEqual(found('undefined-reference', `%include /tmp/x\n${text}`), []);
    const thin = `part pv.1 --size=9000\nvolgroup v pv.1\nlogvol / --vgname=v --name=a --thin --poolname=p --size=5
logvol none --vgname=v --name=p --thinpool --size=5\n`;
    assert.deepEqual(found('order', thin), ['3:48']);
  });
});

describe('rules about passwords and scripts', () => {
  it('know which of --iscrypted and --plaintext counts', () => {
    assert.deepEqual(found('plain-password', 'rootpw secret'), ['1:8']);
    assert.deepEqual(found('plain-password', 'rootpw --plaintext --iscrypted $6$a'), []);
    assert.deepEqual(found('plain-password', 'rootpw --iscrypted --plaintext a'), ['1:32']);
    assert.deepEqual(found('plain-password', 'rootpw --lock'), []);
    assert.deepEqual(found('plain-password', 'user --name=u --password=a'), ['1:26']);
    assert.deepEqual(found('plain-password', 'bootloader --password=a --iscrypted'), []);
  });

  it('know set -e in its forms', () => {
    const post = (body: string) => found('post-ignores-failure', `%post\n${body}\n%end\n`);
    for (const body of ['set -e', 'set -euo pipefail', 'x=1; set -o errexit', 'set -x -o errexit', ''])
      assert.deepEqual(post(body), [], body);
    for (const body of ['reset -e', 'set +x', 'echo hi', '# set -e'])
      assert.deepEqual(post(body), ['1:1'], body);
    assert.deepEqual(found('post-ignores-failure', '%post --interpreter=/usr/bin/python3\nset -e\n%end\n'), [
      '1:1',
    ]);
  });

  it('find a download in its line', () => {
    const body =
      'echo x\n  wget -qO- http://h | sudo bash\n# curl h | sh\ncurl -o f http://h; sh f\nbash <(curl h)\n';
    assert.deepEqual(found('download-into-shell', `%post\n${body}%end\n`), ['3:3', '6:1']);
  });
});

describe('%ksappend', () => {
  const read = (path: string): string | undefined =>
    path === 'more.ks' ? 'part / --sise=5\n%post\n' : undefined;

  it('puts the file in its place, with places in that file', () => {
    const { problems } = lintText('text\n%ksappend more.ks\necho\n%end\nfoo\n', 'a.ks', RHEL9, read);
    const seen = problems
      .filter((problem) => problem.class === 'language')
      .map(({ file, line, rule }) => `${file}:${line} ${rule}`);
    assert.deepEqual(seen.sort(), ['a.ks:5 unknown-command', 'more.ks:1 unknown-option']);
  });

  it('is an error when there is no such file, or an address', () => {
    const text = '%ksappend other.ks\n  %ksappend http://h/x\n%ksappend\n';
    const { problems } = lintText(text, 'a.ks', RHEL9, read);
    assert.deepEqual(
      problems.filter(({ rule }) => rule === 'unreadable-append').map(({ line }) => line),
      [1, 2, 3],
    );
  });
});

describe('files', () => {
  let folder: string;
  before(async () => {
    folder = makeTempDir('slipway-lint-test-');
  });
  after(() => rm(folder, { recursive: true }));

  it('that cannot be read or are not UTF-8 are problems', async () => {
    const latin = join(folder, 'latin.ks');
    await writeFile(latin, Buffer.from('text\nuser --name=ren\xe9\n', 'latin1'));
    const results = await lint([join(folder, 'missing.ks'), folder, latin], RHEL9);
    assert.deepEqual(
      results.map(({ problems }) =>
        problems.map(({ line, column, severity, class: of, rule }) => [line, column, severity, of, rule]),
      ),
      [
        [[1, 1, 'error', 'language', 'unreadable-file']],
        [[1, 1, 'error', 'language', 'unreadable-file']],
        [[2, 16, 'error', 'language', 'not-utf8']],
      ],
    );
  });
});

describe('shell scripts', () => {
  const { document } = lintText(
    '%pre\ncd /x\n%end\n%post --interpreter=/usr/bin/python3\nx\n%end\n%post --interpreter=/bin/bash\necho $a\n%end\n%packages\n@core\n%end\n%post\n%end\n',
    'a.ks',
    RHEL9,
  );

  it('are those for a Bourne shell that hold something', () => {
    assert.deepEqual(
      shellScripts(document).map(({ section, text }) => [section.name, text]),
      [
        ['pre', '# shellcheck shell=bash\ncd /x\n'],
        ['post', '# shellcheck shell=bash\necho $a\n'],
      ],
    );
  });

  it('are of the dialect that /bin/sh speaks on the system installed', () => {
    const text = '%post\necho\n%end\n%post --interpreter=/bin/bash\necho\n%end\n';
    const dialects = shellScripts(lintText(text, 'a.ks', { release: 'embedded' }).document).map(
      (script) => script.text.split('\n')[0],
    );
    assert.deepEqual(dialects, ['# shellcheck shell=dash', '# shellcheck shell=bash']);
  });

  it('are handed to shellcheck as files, never as words of a shell', () => {
    assert.deepEqual(shellcheckArguments(['/t/0.sh']), [
      '--format=json1',
      '--severity=warning',
      '--exclude=SC1091,SC2148,SC2154',
      '--',
      '/t/0.sh',
    ]);
  });

  it('get what shellcheck says at their place in the kickstart', () => {
    const output =
      '{"comments":[{"file":"/t/0.sh","line":2,"column":3,"level":"warning","code":2164,"message":"Use cd ||"}]}';
    const [, script] = shellScripts(document);
    assert.ok(script !== undefined);
    assert.deepEqual(shellProblems(parseShellcheck(output), script), [
      {
        file: 'a.ks',
        line: 8,
        column: 3,
        severity: 'warning',
        class: 'practice',
        rule: 'shell',
        message: 'Use cd || (SC2164)',
        hint: 'https://www.shellcheck.net/wiki/SC2164',
      },
    ]);
    for (const broken of ['', 'shellcheck: oops', '[]', '{"comments":5}', 'null'])
      assert.deepEqual(parseShellcheck(broken), [], broken);
  });
});
