# no CLASS MESSAGE: a refusal of this step.
no() {
  refuse "$1" pre-disk-guard "$2"
}

# node_of DISK: its device node; sysfs writes the slash of cciss/c0d0 as an exclamation mark.
node_of() {
  printf '%s' "$dev/${1//!//}"
}

# attribute DISK FILE: one line of sysfs without blanks around it; empty when there is none.
attribute() {
  local text=''
  [[ -r $sysfs/block/$1/$2 ]] && read -r text <"$sysfs/block/$1/$2"
  printf '%s' "$text"
}

size_mib() {
  local sectors
  sectors=$(attribute "$1" size)
  echo $((${sectors:-0} / 2048))
}

# All disks with what udev knows of them. Not disks: what the kernel or we made from memory, files and other disks.
declare -A udev=()
all_disks=()
scan() {
  local path disk key value
  udev=()
  all_disks=()
  for path in "$sysfs"/block/*; do
    disk=${path##*/}
    [[ $disk == @(loop|ram|zram|sr|fd|md|nbd|drbd|mtdblock)[0-9]* || $disk == dm-* || $disk == '*' ]] && continue
    all_disks+=("$disk")
    while IFS='=' read -r key value; do
      udev["$disk $key"]=$value
    done < <(udevadm info --query=property --path="$sysfs/block/$disk" 2>/dev/null)
  done
}

# serials_of DISK: every serial number it goes by, one a line.
serials_of() {
  printf '%s\n' "${udev["$1 ID_SERIAL_SHORT"]-}" "${udev["$1 ID_SCSI_SERIAL"]-}" "${udev["$1 ID_SERIAL"]-}" \
    "$(attribute "$1" serial)" "$(attribute "$1" device/serial)" | grep -v '^$'
}

# The world wide names it goes by, in lower case and without the prefix that says which kind it is.
wwns_of() {
  printf '%s\n' "${udev["$1 ID_WWN_WITH_EXTENSION"]-}" "${udev["$1 ID_WWN"]-}" \
    "$(attribute "$1" wwid)" "$(attribute "$1" device/wwid)" | bare_wwn | grep -v '^$'
}

bare_wwn() {
  tr '[:upper:]' '[:lower:]' | sed -E 's/^(0x|naa\.|eui\.|nvme\.|uuid\.|t10\.)//'
}

# describe DISK: what a person needs to find it in the rack.
describe() {
  local serial model
  serial=$(serials_of "$1" | head -n 1)
  model=$(attribute "$1" device/model)
  printf '%s (serial %s, %s MiB%s)' "$1" "${serial:-unknown}" "$(size_mib "$1")" "${model:+, $model}"
}

bus_of() {
  local path
  path=$(readlink -f "$sysfs/block/$1")
  case $1:$path in
    nvme*) echo nvme ;;
    vd*) echo virtio ;;
    *:*/usb[0-9]*) echo usb ;;
    *:*/ata[0-9]*) echo ata ;;
    *) echo scsi ;;
  esac
}

# disk_of_link PATH: the whole disk a link or device node leads to.
disk_of_link() {
  local target
  target=$(readlink -e "$1") || return
  target=${target#"$(readlink -f "$dev")"/}
  target=${target//\//!}
  [[ -d $sysfs/block/$target ]] && echo "$target"
}

# disks_with KIND VALUE: every disk of that identity, one a line.
disks_with() {
  local disk
  case $1 in
    id | path) disk_of_link "$dev/disk/by-$1/${2##*/}" ;;
    serial)
      for disk in "${all_disks[@]}"; do
        serials_of "$disk" | grep -Fxq -- "$2" && echo "$disk"
      done
      ;;
    wwn)
      for disk in "${all_disks[@]}"; do
        wwns_of "$disk" | grep -Fxq -- "$(bare_wwn <<<"$2")" && echo "$disk"
      done
      ;;
  esac
}

# numbers_of DISK: the device numbers of the disk and its partitions, a blank on either side of each.
numbers_of() {
  printf ' '
  cat "$sysfs/block/$1/dev" "$sysfs/block/$1"/*/dev 2>/dev/null | tr '\n' ' '
}

# mounts_of DISK: where it or one of its partitions is mounted. Btrfs hides the device number, so its name counts too.
mounts_of() {
  local numbers fields index source
  numbers=$(numbers_of "$1")
  while read -r -a fields; do
    for ((index = 6; index < ${#fields[@]}; index++)); do
      [[ ${fields[index]} == - ]] && break
    done
    source=${fields[index + 2]-}
    source=${source##*/}
    if [[ $numbers == *" ${fields[2]} "* || $source == "$1" || -e $sysfs/block/$1/${source:-none}/partition ]]; then
      echo "${fields[4]}"
    fi
  done <"$proc/self/mountinfo"
}

holds_medium() {
  mounts_of "$1" | grep -Eq '^(/run/install|/run/initramfs|/run/live|/mnt/install|/lib/live)(/|$)'
}

# use_of DISK: who works with it at this moment; empty when nobody does.
use_of() {
  local where holder swap
  while read -r where; do
    printf 'mounted at %s, ' "$where"
  done < <(mounts_of "$1")
  for holder in "$sysfs/block/$1"/holders/* "$sysfs/block/$1"/*/holders/*; do
    [[ -e $holder ]] && printf 'held by %s, ' "${holder##*/}"
  done
  while read -r swap _; do
    swap=${swap##*/}
    [[ $swap == "$1" || -e $sysfs/block/$1/$swap/partition ]] && printf 'swap on %s, ' "$swap"
  done <"$proc/swaps"
}

# signatures NODE: the types of all tables, file systems and superblocks on it.
signatures() {
  wipefs --no-act --parsable "$1" 2>&1 | sed -e '/^#/d' -e 's/.*,//'
}

# dirty NODE FIRST: some byte of the 2048 sectors from FIRST on is not zero. A read error counts as one.
dirty() {
  local bytes
  bytes=$(dd if="$1" bs=512 skip="$2" count=2048 2>/dev/null | tr -d '\000' | wc -c) || return 0
  [[ $bytes -gt 0 ]]
}

# data_on DISK: what is on it, in words; empty only when it is blank as far as anyone can tell.
data_on() {
  local node type found part
  node=$(node_of "$1")
  if ! found=$(signatures "$node"); then
    printf 'it cannot be read: %s, ' "$found"
    return
  fi
  for type in $found; do
    printf '%s, ' "$type"
  done
  for part in "$sysfs/block/$1"/*/partition; do
    [[ -e $part ]] || continue
    part=${part%/partition}
    part=${part##*/}
    type=$(blkid -p -s TYPE -o value "$(node_of "$part")" 2>/dev/null)
    printf 'partition %s%s, ' "$part" "${type:+ with $type}"
  done
  dirty "$node" 0 && printf 'data in the first MiB, '
  dirty "$node" $(($(attribute "$1" size) - 2048)) && printf 'data in the last MiB, '
}

# matches DISK: the predicate of the spec holds, and it is a disk one may install on at all.
matches() {
  local mib
  mib=$(size_mib "$1")
  [[ $mib -gt 0 && $(attribute "$1" ro) == 0 && $(attribute "$1" removable) == 0 ]] || return 1
  [[ $mib -ge $match_min_mib && ($match_max_mib -eq 0 || $mib -le $match_max_mib) ]] || return 1
  [[ -z $match_bus || $(bus_of "$1") == "$match_bus" ]] || return 1
  [[ -z $match_model || $(attribute "$1" device/model) == "$match_model" ]] || return 1
  [[ -z $match_rotational || $(attribute "$1" queue/rotational) == "$match_rotational" ]] || return 1
  ! holds_medium "$1"
}

# The disks this machine is about to be installed on, in the order of the spec.
chosen=()
may_wipe=()

choose_identified() {
  local index found what
  for index in "${!wanted_by[@]}"; do
    what="${wanted_by[index]} ${wanted_value[index]}"
    mapfile -t found < <(disks_with "${wanted_by[index]}" "${wanted_value[index]}")
    case ${#found[@]} in
      0) no config-invalid "no disk here has the $what; here are: $(list "${all_disks[@]}")" ;;
      1)
        chosen+=("${found[0]}")
        may_wipe+=("${wanted_wipe[index]}")
        ;;
      *) no config-invalid "${#found[@]} disks have the $what: $(list "${found[@]}")" ;;
    esac
  done
}

choose_matching() {
  local disk
  for disk in "${all_disks[@]}"; do
    matches "$disk" || continue
    chosen+=("$disk")
    may_wipe+=("$match_wipe")
  done
  [[ ${#chosen[@]} -eq $wanted_count ]] && return
  no config-invalid "${#chosen[@]} disks match and the spec says $wanted_count; matching: $(list "${chosen[@]}"); here are: $(list "${all_disks[@]}")"
}

# list DISK...: all of them in words, the install medium marked.
list() {
  local disk text=''
  for disk in "$@"; do
    text+=", $(describe "$disk")"
    holds_medium "$disk" && text+=' [install medium]'
  done
  text=${text#, }
  printf '%s' "${text:-none}"
}

choose() {
  chosen=()
  may_wipe=()
  scan
  if [[ ${#wanted_by[@]} -gt 0 ]]; then choose_identified; else choose_matching; fi
}

# judge INDEX: may the chosen disk be overwritten? Says every reason why not.
judge() {
  local disk=${chosen[$1]} wipe=${may_wipe[$1]} other used data
  for ((other = 0; other < $1; other++)); do
    [[ ${chosen[other]} == "$disk" ]] && no config-invalid "the spec names one disk twice: $(describe "$disk")"
  done
  if holds_medium "$disk"; then
    no refused-foreign-data "$(describe "$disk") is the install medium"
    return
  fi
  [[ $(attribute "$disk" ro) == 0 ]] || no config-invalid "$(describe "$disk") is read-only"
  if [[ $(size_mib "$disk") -lt $minimum_mib ]]; then
    no config-invalid "$(describe "$disk") is too small: the layout needs $minimum_mib MiB"
    return
  fi
  used=$(use_of "$disk")
  [[ -z $used ]] || no refused-foreign-data "$(describe "$disk") is in use: ${used%, }"
  [[ $wipe == yes ]] && return
  data=$(data_on "$disk")
  [[ -z $data ]] || no refused-foreign-data "$(describe "$disk") is not empty: ${data%, }; only a disk named by its identity with 'wipe: true' is overwritten"
}

decide() {
  local index
  choose
  for index in "${!chosen[@]}"; do
    judge "$index"
  done
}

# stable_name DISK: a name that cannot pass to another disk before the installer uses this one.
stable_name() {
  local link
  for link in "$dev"/disk/by-id/* "$dev"/disk/by-path/*; do
    [[ ${link##*/} =~ ^[A-Za-z0-9_.:+=@-]+$ && $(disk_of_link "$link") == "$1" ]] || continue
    printf '%s' "/dev${link#"$dev"}"
    return
  done
  printf '%s' "/dev/${1//!//}"
}

