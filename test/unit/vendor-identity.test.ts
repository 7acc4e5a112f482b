import assert from 'node:assert/strict';
import { type IdentityTexts, identifyVendor } from '../../src/media/vendor/identity.ts';

const NOTHING: IdentityTexts = {
  volumeId: 'X',
  treeInfo: undefined,
  discInfo: undefined,
  mediaRepo: undefined,
  titles: [],
  paths: [],
};
const identify = (texts: Partial<IdentityTexts>) => identifyVendor({ ...NOTHING, ...texts });
const brief = (texts: Partial<IdentityTexts>): string | undefined => {
  const found = identify(texts);
  return found && `${found.family} ${found.version} ${found.arch} ${found.release}`;
};

describe('whose medium it is', () => {
  it('goes by the description of the tree before anything else', () => {
    const treeInfo =
      '[general]\nfamily = Old Name\nversion = 1\n\n[release]\nname = Red Hat Enterprise Linux\nversion = 9.6\n\n[tree]\narch = x86_64\n';
    const titles = ['Install Fedora 44'];
    assert.equal(brief({ treeInfo, titles }), 'Red Hat Enterprise Linux 9.6 x86_64 rhel9');
  });

  it('goes by media.repo and .discinfo when there is no such description', () => {
    const mediaRepo = '[InstallMedia]\nname=CentOS Stream 10\n';
    assert.equal(brief({ mediaRepo, discInfo: '1.2\n10\naarch64\n' }), 'CentOS Stream 10 aarch64 rhel10');
  });

  it('goes by the title of an entry, and by files that only one architecture has', () => {
    assert.equal(
      brief({ titles: ['Boot from disk', 'Install Rocky Linux 8.10'], paths: ['isolinux/isolinux.bin'] }),
      'Rocky Linux 8.10 x86_64 rhel8',
    );
    assert.equal(
      brief({ titles: ['Install AlmaLinux 10.0'], paths: ['EFI/BOOT/BOOTAA64.EFI'] }),
      'AlmaLinux 10.0 aarch64 rhel10',
    );
  });

  for (const [volumeId, expected] of [
    ['RHEL-9-6-0-BaseOS-x86_64', 'Red Hat Enterprise Linux 9.6 unknown rhel9'],
    ['Rocky-8-10-x86_64-dvd', 'Rocky Linux 8.10 unknown rhel8'],
    ['AlmaLinux-9-6-x86_64-dvd', 'AlmaLinux 9.6 unknown rhel9'],
    ['CentOS-Stream-9-BaseOS-x86_64', 'CentOS Stream 9 unknown rhel9'],
    ['CentOS-Stream-BaseOS-10-x86_64', 'CentOS Stream 10 unknown rhel10'],
    ['CentOS 7 x86_64', 'CentOS Linux 7 unknown undefined'],
    ['OL-9-6-0-BaseOS-x86_64', 'Oracle Linux 9.6 unknown rhel9'],
    ['Fedora-S-dvd-x86_64-44', 'Fedora 44 unknown fedora44'],
    ['Fedora-E-dvd-x86_64-43', 'Fedora 43 unknown undefined'],
    ['Ubuntu 24.04 LTS amd64', undefined],
  ] as const) {
    it(`reads the volume id ${volumeId}`, () => assert.equal(brief({ volumeId }), expected));
  }

  it('says nothing when nothing is said', () => assert.equal(identify({}), undefined));
});
