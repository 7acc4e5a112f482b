import assert from 'node:assert/strict';
import { InputError } from '../../src/errors/problem.ts';
import { reportFailure } from '../../src/installer/failure-report.ts';
import { kickstartCopies } from '../../src/installer/kickstart-copies.ts';
import { parseKickstart } from '../../src/kickstart/parse.ts';
import { hideSecrets, withoutSecrets } from '../../src/kickstart/secrets.ts';
import { documentOf } from '../helpers/installer.ts';

describe('the secrets of a kickstart', () => {
  for (const [line, hidden] of [
    ['rootpw geheim', 'rootpw ******'],
    ['  rootpw --plaintext --allow-ssh "ge heim" # why', '  rootpw --plaintext --allow-ssh ********* * ***'],
    ['rootpw --iscrypted $6$salt$hash', 'rootpw --iscrypted ************'],
    ['user --name=a --password=geheim --plaintext', 'user --name=a --password=****** --plaintext'],
    ['user --name=a --password "ge heim"', 'user --name=a --password *********'],
    ["part / --encrypted --passphrase='x y' --size=1", 'part / --encrypted --passphrase=***** --size=1'],
    ['bootloader --password=grub.pbkdf2.1 --iscrypted', 'bootloader --password=************* --iscrypted'],
    ['network --essid=a --wpakey=geheim', 'network --essid=a --wpakey=******'],
    ['liveimg --url=https://me:geheim@host/x', 'liveimg --url=https://*********@host/x'],
    ['part / --size=1', 'part / --size=1'],
    [
      'sshkey --username=root "ssh-ed25519 AAAA me@here"',
      'sshkey --username=root "ssh-ed25519 AAAA me@here"',
    ],
  ] as const) {
    it(`are as many stars as they were characters: ${line}`, () => {
      assert.equal(hideSecrets(line), hidden);
      assert.equal(hidden.length, line.length);
    });
  }

  it('are out of the message of every problem of a line', () => {
    const text = 'rootpw geheim streng';
    const problem = { file: 'a.ks', line: 1, column: 1, severity: 'error', rule: 'x' } as const;
    const { problems, sources } = withoutSecrets(
      [
        { ...problem, message: "'geheim' is too short" },
        { ...problem, message: "what is 'streng'?" },
        { ...problem, line: 7, message: 'beyond the end' },
      ],
      new Map([['a.ks', text]]),
    );
    assert.deepEqual(
      problems.map(({ message }) => message),
      ["'***' is too short", "what is '***'?", 'beyond the end'],
    );
    assert.equal(sources.get('a.ks'), 'rootpw ****** ******');
  });

  it('stand in no line about a mistake', () => {
    const text = 'rootpw geheim streng\nuser --password=geheim --nmae=a\n';
    const { problems } = parseKickstart(text, 'a.ks', 'embedded');
    assert.ok(problems.length > 0);
    const { say, note } = reportFailure(new InputError(problems, new Map([['a.ks', text]])), 'node-a');
    assert.doesNotMatch([...say, ...note].join('\n'), /geheim|streng/);
    assert.match(say.join('\n'), /rootpw \*{6} \*{6}/);
  });

  it('stay in the original alone, of the two copies on the installed system', () => {
    const text = 'text\nrootpw geheim\npart / --passphrase=geheim\n';
    const copies = kickstartCopies(text, documentOf(text), '');
    assert.equal(copies.get('/root/original-ks.cfg'), text);
    const carriedOut = copies.get('/root/anaconda-ks.cfg') ?? '';
    assert.doesNotMatch(carriedOut, /geheim/);
    assert.match(carriedOut, /^rootpw \*{6}$/m);
  });

  it('say skipx for an installation in text, once, and for no other', () => {
    const skipx = (text: string, kernelLine = ''): number =>
      (kickstartCopies(text, documentOf(text), kernelLine).get('/root/anaconda-ks.cfg') ?? '')
        .split('\n')
        .filter((line) => line === 'skipx').length;
    assert.equal(skipx('text\n'), 1);
    assert.equal(skipx('text\nskipx\n'), 1);
    assert.equal(skipx('graphical\n'), 0);
    assert.equal(skipx('', 'quiet inst.rdp inst.rdp.username=user\n'), 1);
    assert.equal(skipx('', 'quiet inst.ks=cdrom:/text\n'), 0);
  });
});
