/** Boot menus as vendors write them: the same commands, names and order as on their media, in our own words. */

export interface MenuFacts {
  readonly product: string;
  /** Volume id, not escaped. */
  readonly label: string;
  /** More words for the plain installation entry. */
  readonly extra?: string;
}

/** As in inst.stage2 of vendors' menus. */
const escaped = (label: string): string => label.replaceAll(' ', '\\x20');

/** GRUB: EL7 says `linuxefi`, later ones `linux`. `modules` are those that the menu loads itself. */
export function grubMenu(
  { product, label, extra = '' }: MenuFacts,
  { suffix = '', rescue = 'inst.rescue', disks = false } = {},
): string {
  const stage2 = `inst.stage2=hd:LABEL=${escaped(label)}`;
  const entry = (title: string, args: string, indent = ''): string =>
    [
      `${indent}menuentry '${title}' --class fedora --class gnu-linux --class gnu --class os {`,
      `${indent}\tlinux${suffix} /images/pxeboot/vmlinuz ${stage2}${args} quiet`,
      `${indent}\tinitrd${suffix} /images/pxeboot/initrd.img`,
      `${indent}}`,
    ].join('\n');
  return `set default="1"

function load_video {
  if [ x$feature_all_video_module = xy ]; then
    insmod all_video
  else
    insmod efi_gop
  fi
}

load_video
set gfxpayload=keep
insmod gzio
insmod part_gpt
insmod ext2
${disks ? 'insmod chain\n' : ''}
set timeout=60
### END of the header ###

search --no-floppy --set=root -l '${label}'

### BEGIN of the entries ###
${entry(`Install ${product}`, extra)}
${entry(`Test this media & install ${product}`, ' rd.live.check')}
submenu 'Troubleshooting -->' {
${entry(`Install ${product} in basic graphics mode`, ' nomodeset', '\t')}
${entry(`Rescue a ${product} system`, ` ${rescue}`, '\t')}
${disks ? "\tmenuentry 'Boot first drive' --class os {\n\t\tchainloader (hd0)+1\n\t}\n" : ''}}
`;
}

/** isolinux, the second entry being the default. */
export function isolinuxMenu({ product, label, extra = '' }: MenuFacts, rescue = 'inst.rescue'): string {
  const stage2 = `inst.stage2=hd:LABEL=${escaped(label)}`;
  return `default menu.c32
timeout 600

display boot.msg

# The screen is cleared when the menu is left.
menu clear
menu title ${product}
menu vshift 8
menu color border * #00000000 #00000000 none
menu tabmsg Press Tab for full configuration options on menu items.

menu separator # an empty line
menu separator # an empty line

label linux
  menu label ^Install ${product}
  kernel vmlinuz
  append initrd=initrd.img ${stage2}${extra} quiet

label check
  menu label Test this ^media & install ${product}
  menu default
  kernel vmlinuz
  append initrd=initrd.img ${stage2} rd.live.check quiet

menu separator # an empty line

# the submenu
menu begin ^Troubleshooting
  menu title Troubleshooting ${product}

label basic
  menu indent count 5
  menu label Install using ^basic graphics mode
  text help
	For machines on which the installer shows nothing.
  label this-is-help
  endtext
  kernel vmlinuz
  append initrd=initrd.img ${stage2} nomodeset quiet

label rescue
  menu indent count 5
  menu label ^Rescue a ${product} system
  kernel vmlinuz
  append initrd=initrd.img ${stage2} ${rescue} quiet

menu separator # an empty line

label local
  menu label Boot from ^local drive
  localboot 0xffff

label returntomain
  menu label Return to ^main menu
  menu exit

menu end
`;
}

/** What OpenFirmware's GRUB reads on ppc64le. */
export const ppcMenu = ({ product, label, extra = '' }: MenuFacts): string => `set default=0
set timeout=60

echo -e "\\nWelcome to the ${product} installer!\\n\\n"

menuentry "Install ${product} (64-bit kernel)" --class fedora --class os {
      linux /ppc/ppc64/vmlinuz inst.stage2=hd:LABEL=${escaped(label)}${extra} ro
      initrd /ppc/ppc64/initrd.img
}

menuentry "Test this media & install ${product}  (64-bit kernel)" --class fedora --class os {
      linux /ppc/ppc64/vmlinuz inst.stage2=hd:LABEL=${escaped(label)} rd.live.check ro
      initrd /ppc/ppc64/initrd.img
}

submenu 'Other options...' {
  menuentry 'Reboot' {
    reboot
  }
}
`;
