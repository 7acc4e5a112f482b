import assert from 'node:assert/strict';
import { readSystemConfig, type SystemConfig } from '../../src/installer/system-config.ts';
import { brief, documentOf } from '../helpers/installer.ts';

const IMAGE = 'liveimg --url=file:///run/install/repo/slipway/base.squashfs\n';

function configOf(text: string): SystemConfig {
  const { config, problems } = readSystemConfig(documentOf(`${text}\n${IMAGE}`));
  assert.deepEqual(problems, []);
  return config;
}
const problemsOf = (text: string): readonly string[] =>
  readSystemConfig(documentOf(`${text}\n${IMAGE}`)).problems.map(brief);
const warningsOf = (text: string): readonly string[] =>
  readSystemConfig(documentOf(`${text}\n${IMAGE}`)).warnings.map(brief);

describe("the kickstart's system configuration", () => {
  it('has a default for everything the kickstart does not say', () => {
    assert.deepEqual(configOf('zerombr'), {
      interfaces: [],
      language: {
        locale: 'C.UTF-8',
        keymap: 'us',
        layouts: [{ layout: 'us', variant: '' }],
        switching: [],
      },
      time: { zone: 'UTC', hardwareClock: 'UTC', synchronised: true, servers: [] },
      accounts: { root: { locked: true }, rootBySsh: false, groups: [], users: [], keys: [] },
      services: { disabled: [], enabled: [], defaultTarget: 'multi-user.target' },
      bootArguments: ['console=tty0', 'console=ttyS0,115200'],
      bootTimeout: 3,
      payload: {
        image: { url: 'file:///run/install/repo/slipway/base.squashfs' },
        repositories: [],
        packages: [],
        excluded: [],
        packageGroups: [],
        ignoreMissingPackages: false,
      },
      after: 'poweroff',
    });
  });

  it('reads language, keyboard and what goes onto the command line', () => {
    const { language, bootArguments, bootTimeout } = configOf(`lang de_DE.UTF-8
keyboard --xlayouts='cz (qwerty),us' --switch=grp:alt_shift_toggle
bootloader --location=mbr --timeout=7 --append="quiet mitigations=auto"`);
    assert.deepEqual(language, {
      locale: 'de_DE.UTF-8',
      keymap: 'cz-qwerty',
      layouts: [
        { layout: 'cz', variant: 'qwerty' },
        { layout: 'us', variant: '' },
      ],
      switching: ['grp:alt_shift_toggle'],
    });
    assert.deepEqual(
      [bootArguments, bootTimeout],
      [['console=tty0', 'console=ttyS0,115200', 'quiet', 'mitigations=auto'], 7],
    );
    assert.equal(configOf('keyboard --vckeymap=de').language.keymap, 'de');
    assert.equal(configOf('keyboard fr').language.keymap, 'fr');
  });

  it('hands the installer’s own consoles on, in their order, and what the machine needs to start', () => {
    const { config } = readSystemConfig(
      documentOf('bootloader --append="quiet"\n'),
      'slipway.node=a console=ttyS0,115200 nomodeset net.ifnames=0 quiet console=tty1 inst.text\n',
    );
    assert.deepEqual(config.bootArguments, [
      'nomodeset',
      'net.ifnames=0',
      'console=ttyS0,115200',
      'console=tty1',
      'quiet',
    ]);
  });

  it('reads what is to be installed', () => {
    const { payload } = configOf(`repo --name=slipway --baseurl=file:///run/install/repo/slipway/repo
%packages --ignoremissing
# comment
slipway-postinstall
tool   # why
@core
-other
%end`);
    assert.deepEqual(
      { ...payload, image: undefined },
      {
        image: undefined,
        repositories: ['/run/install/repo/slipway/repo'],
        packages: ['slipway-postinstall', 'tool'],
        excluded: ['other'],
        packageGroups: ['@core'],
        ignoreMissingPackages: true,
      },
    );
  });

  for (const [text, image] of [
    ['', { url: 'file:///run/install/repo/slipway/base.squashfs' }],
    ['cdrom', { url: 'file:///run/install/repo/slipway/base.squashfs' }],
    [
      `liveimg --url=https://example.org/x.img --checksum=${'AB'.repeat(32)} --proxy=http://p:1 --noverifyssl`,
      {
        url: 'https://example.org/x.img',
        checksum: 'ab'.repeat(32),
        proxy: 'http://p:1',
        insecure: true,
      },
    ],
  ] as const) {
    it(`knows which image it unpacks: ${text.split(' ').slice(0, 2).join(' ') || 'no line'}`, () => {
      const { config, problems } = readSystemConfig(documentOf(`zerombr\n${text}\n`));
      assert.deepEqual(problems, []);
      assert.deepEqual(config.payload.image, image);
    });
  }

  for (const [after, text] of [
    ['halt', 'reboot\nhalt'],
    ['poweroff', 'shutdown'],
    ['reboot', 'reboot'],
  ] as const) {
    it(`ends as the kickstart says last: ${text.replace('\n', ', ')}`, () => {
      const { config } = readSystemConfig(documentOf(`${text}\n${IMAGE}`));
      assert.equal(config.after, after);
    });
  }

  for (const [title, text, problem] of [
    [
      'a command it does not carry out',
      'lang C\n  realm join example.org',
      "2:3 unsupported-command: this installer does not carry out 'realm'",
    ],
    [
      'authselect, with the reason',
      'authselect select sssd',
      "1:1 unsupported-command: this installer does not carry out 'authselect': Debian has no authselect: who may log in would not be decided as the kickstart says",
    ],
    [
      'another source than an image',
      'url --url=https://example.org/',
      "1:1 unsupported-command: this installer does not carry out 'url': this installer unpacks an image; name it with liveimg",
    ],
    [
      'a section it does not carry out',
      '%addon x\n%end',
      "1:1 unsupported-command: this installer does not carry out '%addon'",
    ],
    [
      'a key of somebody else',
      'sshkey --username=me "ssh-ed25519 A"',
      "1:19 account: the kickstart makes no user 'me'",
    ],
    [
      'a start of another kernel',
      'reboot --kexec',
      '1:8 unsupported-option: this installer does not know --kexec',
    ],
    [
      'packages from afar',
      'repo --name=x --baseurl=https://example.org/',
      '1:25 repository: this installer reads packages from the medium only, not from https://example.org/',
    ],
    [
      'a boot loader that is not on the disks',
      'bootloader --location=none',
      "1:23 boot-loader: this installer puts the boot loader on the disks themselves, not 'none'",
    ],
    ['a time zone that is none', 'timezone Europa/Wien', "1:10 time-zone: 'Europa/Wien' is no time zone"],
    [
      'a clock that must be authenticated',
      'timesource --ntp-server=a --nts',
      '1:27 unsupported-option: this installer does not know --nts',
    ],
    [
      'an image by FTP',
      'liveimg --url=ftp://example.org/x',
      "1:15 payload: 'ftp://example.org/x' is no image this installer can reach",
    ],
    [
      'a checksum that is none',
      'liveimg --url=file:///x --checksum=abc',
      '1:36 payload: --checksum is not a SHA-256 of 64 hexadecimal digits',
    ],
  ] as const) {
    it(`refuses ${title}`, () => {
      const { problems } = readSystemConfig(documentOf(`${text}\n`));
      assert.deepEqual(problems.map(brief), [problem]);
    });
  }

  for (const [text, warning] of [
    ['vnc --password=x', "1:1 left-out: 'vnc' is left out: this installer has no screens to show"],
    [
      'reboot --eject',
      "1:8 left-out: 'reboot --eject' is left out: the live system runs from the medium and cannot let it go",
    ],
    [
      'selinux --enforcing',
      "1:1 left-out: 'selinux --enforcing' is left out: the image has no SELinux policy, so nothing is enforced; /etc/selinux/config records the mode",
    ],
    ['lang cs_CZ.UTF-8', "1:6 left-out: 'lang cs_CZ.UTF-8' is left out: the image has no locale but C.UTF-8"],
    ['%packages\n@core\n%end', "1:1 left-out: '@core' is left out: an image has no groups"],
  ] as const) {
    it(`goes on without ${text.split('\n').join(' ')}, and says so`, () => {
      assert.deepEqual(problemsOf(text), []);
      assert.deepEqual(warningsOf(text), [warning]);
    });
  }

  it('says nothing about what is so in any case', () => {
    for (const text of [
      'text',
      'cmdline',
      'skipx',
      'firstboot --disabled',
      'eula --agreed',
      'selinux --disabled',
    ]) {
      assert.deepEqual([...problemsOf(text), ...warningsOf(text)], [], text);
    }
  });
});
