import assert from 'node:assert/strict';
import {
  type MediumDemand,
  mediumProblems,
  parseBareListing,
  parseReport,
} from '../../src/media/self-check.ts';

/** What xorriso 1.5.4 says about a medium of ours, shortened. */
const REPORT = `Drive current: -indev 'stdio:t.iso'
PVD address  : 16s
Volume Id    : TEST_1
Volume Set Id:
El Torito catalog  : 49  1
El Torito cat path : /boot/boot.cat
El Torito images   :   N  Pltf  B   Emul  Ld_seg  Hdpt  Ldsiz         LBA
El Torito boot img :   1  BIOS  y   none  0x0000  0x00      4          50
El Torito boot img :   2  UEFI  y   none  0x0000  0x00  10240         147
El Torito img path :   1  /boot/eltorito.img
El Torito img opts :   1  boot-info-table grub2-boot-info
El Torito img blks :   2  2560
System area options: 0x00004201
System area summary: MBR protective-msdos-label grub2-mbr cyl-align-off GPT
GPT partition name :   1  490053004f003900360036003000
GPT type GUID      :   1  a2a0d0ebe5b9334487c068b6b72699c7
GPT start and size :   1  64  524
GPT partition GUID :   2  2acd0323c7734a42a29a25632da7f446
GPT type GUID      :   2  28732ac11ff8d211ba4b00a0c93ec93b
GPT start and size :   2  588  10240
Report layout: xt , Startlba ,   Blocks , Filesize , ISO image path
File data lba:  0 ,       50 ,       97 ,   196799 , '/boot/eltorito.img'
File data lba:  0 ,      250 ,       25 ,    50000 , '/boot/vmlinuz'
`;

const DEMAND: MediumDemand = {
  volumeId: 'TEST_1',
  files: [{ path: 'boot/vmlinuz', bytes: 50_000, sha256: '' }],
  espFiles: ['EFI/BOOT/BOOTX64.EFI', 'boot/grub/grub.cfg'],
};
const IN_ESP = parseBareListing('::/EFI/\n::/EFI/BOOT/\n::/EFI/BOOT/BOOTX64.EFI\n::/boot/grub/grub.cfg\n');

const problemsOf = (report: string, inEsp = IN_ESP, demand = DEMAND): readonly string[] =>
  mediumProblems(parseReport(report), inEsp, demand);

describe('the check of a finished ISO', () => {
  it('is content with a medium that boots everywhere', () => {
    assert.deepEqual(problemsOf(REPORT), []);
  });

  const sabotage: readonly (readonly [what: string, report: string, problem: RegExp])[] = [
    ['another label', REPORT.replace('TEST_1', 'OTHER'), /^volume id is OTHER, not TEST_1$/],
    ['no GRUB for BIOS', REPORT.replace(/^.*1 {2}BIOS.*\n/m, ''), /^no El Torito entry for BIOS$/],
    ['GRUB not told where it lies', REPORT.replace(' grub2-boot-info', ''), /^no El Torito entry for BIOS$/],
    [
      'an UEFI entry that is not bootable',
      REPORT.replace('UEFI  y', 'UEFI  n'),
      /^no El Torito entry for UEFI$/,
    ],
    ['an empty MBR', REPORT.replace(' grub2-mbr', ''), /^no boot code in the MBR$/],
    ['no ESP', REPORT.replace('28732ac1', 'a2a0d0eb'), /^no EFI system partition in the GPT$/],
    [
      'an ESP elsewhere',
      REPORT.replace('588  10240', '592  10240'),
      /^the EFI images of CD and stick differ$/,
    ],
    ['a torn kernel', REPORT.replace('50000 ,', '49999 ,'), /^boot\/vmlinuz has 49999 bytes, not 50000$/],
    ['no kernel', REPORT.replace(/^.*vmlinuz.*\n/m, ''), /^boot\/vmlinuz has no bytes, not 50000$/],
  ];
  for (const [what, report, problem] of sabotage) {
    it(`notices ${what}`, () => {
      const problems = problemsOf(report);
      assert.equal(problems.length, 1, problems.join('; '));
      assert.match(problems[0] ?? '', problem);
    });
  }

  it('notices a loader missing in the EFI image', () => {
    assert.deepEqual(problemsOf(REPORT, ['efi/boot/bootx64.efi']), [
      'no boot/grub/grub.cfg in the EFI image',
    ]);
  });

  it('names everything at once when there is nothing', () => {
    assert.equal(problemsOf('', []).length, 5 + 1 + 2);
  });
});
