# no CLASS MESSAGE: a refusal of this step.
no() {
  refuse "$1" pre-disk-guard "$2"
}

# line FILE: its first line in REPLY, without blanks around it; empty when there is none.
line() {
  REPLY=''
  [[ -r $1 ]] && read -r REPLY <"$1"
}

# What one look at the machine found, by disk. Lists hold one entry a line.
all_disks=()
declare -A sectors=() model=() serials=() wwns=() partitions=() mounts=()
# Mount points by device number and by device name.
declare -A mounted_at=()

look() {
  local path disk
  all_disks=()
  sectors=() model=() serials=() wwns=() partitions=() mounts=()
  read_mounts
  for path in "$sysfs"/block/*; do
    disk=${path##*/}
    # No disks: what the kernel or we ourselves made from memory, from files and from other disks.
    [[ -d $path && $disk != @(loop|ram|zram|sr|fd|md|nbd|drbd|mtdblock)[0-9]* && $disk != dm-* ]] || continue
    all_disks+=("$disk")
    look_at "$disk"
  done
}

look_at() {
  local disk=$1 home=$sysfs/block/$1 key value node name
  line "$home/size"
  sectors[$disk]=${REPLY:-0}
  line "$home/device/model"
  model[$disk]=$REPLY
  serials[$disk]='' wwns[$disk]='' partitions[$disk]='' mounts[$disk]=''
  while IFS='=' read -r key value; do
    case $key in
      ID_SERIAL_SHORT) serials[$disk]=$value$'\n'${serials[$disk]} ;;
      ID_SERIAL | ID_SCSI_SERIAL) serials[$disk]+=$value$'\n' ;;
      ID_WWN | ID_WWN_WITH_EXTENSION) add_wwn "$disk" "$value" ;;
    esac
  done < <(udevadm info --query=property --path="$home" 2>/dev/null)
  for name in serial device/serial; do
    line "$home/$name"
    [[ -z $REPLY ]] || serials[$disk]+=$REPLY$'\n'
  done
  for name in wwid device/wwid; do
    line "$home/$name"
    [[ -z $REPLY ]] || add_wwn "$disk" "$REPLY"
  done
  for node in "$home" "$home/$disk"*; do
    [[ -e $node/dev ]] || continue
    name=${node##*/}
    line "$node/dev"
    mounts[$disk]+=${mounted_at[$REPLY]:-${mounted_at[$name]:-}}
    [[ ! -e $node/partition ]] || partitions[$disk]+=$name$'\n'
  done
}

# World wide names are compared in lower case and without the prefix that says which kind they are.
bare_wwn() {
  REPLY=${1,,}
  REPLY=${REPLY#@(0x|naa.|eui.|nvme.|uuid.|t10.)}
}

add_wwn() {
  bare_wwn "$2"
  wwns[$1]+=$REPLY$'\n'
}

# See proc(5): the fifth field is the mount point, the second after the dash is the source. Btrfs hides the number of
# its device, so the source counts as well.
read_mounts() {
  local fields index source
  mounted_at=()
  while read -r -a fields; do
    for ((index = 6; index < ${#fields[@]}; index++)); do
      [[ ${fields[index]} == - ]] && break
    done
    source=${fields[index + 2]-none}
    mounted_at[${fields[2]}]+=${fields[4]}$'\n'
    mounted_at[${source##*/}]+=${fields[4]}$'\n'
  done <"$proc/self/mountinfo"
}

# holds LIST ENTRY
holds() {
  [[ $'\n'$1 == *$'\n'"$2"$'\n'* ]]
}

mib_of() {
  echo $((${sectors[$1]} / 2048))
}

is_medium() {
  local where
  while read -r where; do
    [[ $where == @(/run/install|/run/initramfs|/run/live|/mnt/install|/lib/live)?(/*) ]] && return
  done <<<"${mounts[$1]}"
  return 1
}

# describe DISK: what a person needs to find it in the rack.
describe() {
  local serial=${serials[$1]%%$'\n'*}
  printf '%s (serial %s, %s MiB%s)' "$1" "${serial:-unknown}" "$(mib_of "$1")" "${model[$1]:+, ${model[$1]}}"
}

# list DISK...: all of them in words, the install medium marked.
list() {
  local disk text=''
  for disk in "$@"; do
    text+=", $(describe "$disk")"
    is_medium "$disk" && text+=' [install medium]'
  done
  text=${text#, }
  printf '%s' "${text:-none}"
}

# The device node of a disk or partition; sysfs writes the slash of cciss/c0d0 as an exclamation mark.
node_of() {
  printf '%s' "$dev/${1//!//}"
}

bus_of() {
  case $1:$(readlink -f "$sysfs/block/$1") in
    nvme*) echo nvme ;;
    vd*) echo virtio ;;
    *:*/usb[0-9]*) echo usb ;;
    *:*/ata[0-9]*) echo ata ;;
    *) echo scsi ;;
  esac
}

# disk_of_link PATH: the whole disk a link leads to.
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
    id | path) disk_of_link "$dev/disk/by-$1/$2" ;;
    serial)
      for disk in "${all_disks[@]}"; do
        holds "${serials[$disk]}" "$2" && echo "$disk"
      done
      ;;
    wwn)
      bare_wwn "$2"
      for disk in "${all_disks[@]}"; do
        holds "${wwns[$disk]}" "$REPLY" && echo "$disk"
      done
      ;;
  esac
}

# use_of DISK: who works with it at this moment; empty when nobody does.
use_of() {
  local where holder swap
  while read -r where; do
    [[ -z $where ]] || printf 'mounted at %s, ' "$where"
  done <<<"${mounts[$1]}"
  for holder in "$sysfs/block/$1"/holders/* "$sysfs/block/$1"/*/holders/*; do
    [[ -e $holder ]] && printf 'held by %s, ' "${holder##*/}"
  done
  while read -r swap _; do
    swap=${swap##*/}
    if [[ $swap == "$1" ]] || holds "${partitions[$1]}" "$swap"; then
      printf 'swap on %s, ' "$swap"
    fi
  done <"$proc/swaps"
}

# dirty NODE FIRST: some byte of the 2048 sectors from FIRST on is not zero. A read error counts as one.
dirty() {
  local bytes
  bytes=$(dd if="$1" bs=512 skip="$2" count=2048 2>/dev/null | tr -d '\000' | wc -c) || return 0
  [[ $bytes -gt 0 ]]
}

# data_on DISK: what is on it, in words; empty only when it is blank as far as anyone can tell.
data_on() {
  local node found type part
  node=$(node_of "$1")
  # Tables, file systems and superblocks: "offset,uuid,label,type" a line.
  if ! found=$(wipefs --no-act --parsable "$node" 2>&1); then
    printf 'it cannot be read: %s, ' "${found//$'\n'/; }"
    return
  fi
  while read -r type; do
    [[ $type == '#'* || -z $type ]] || printf '%s, ' "${type##*,}"
  done <<<"$found"
  while read -r part; do
    [[ -n $part ]] || continue
    type=$(blkid -p -s TYPE -o value "$(node_of "$part")" 2>/dev/null)
    printf 'partition %s%s, ' "$part" "${type:+ with $type}"
  done <<<"${partitions[$1]}"
  dirty "$node" 0 && printf 'data in the first MiB, '
  dirty "$node" $((sectors[$1] - 2048)) && printf 'data in the last MiB, '
}

# matches DISK: the predicate of the spec holds, and it is a disk one may install on at all.
matches() {
  local home=$sysfs/block/$1 mib
  mib=$(mib_of "$1")
  [[ $mib -gt 0 && $mib -ge $match_min_mib && ($match_max_mib -eq 0 || $mib -le $match_max_mib) ]] || return 1
  line "$home/ro" && [[ $REPLY == 0 ]] || return 1
  line "$home/removable" && [[ $REPLY == 0 ]] || return 1
  line "$home/queue/rotational"
  [[ -z $match_rotational || $REPLY == "$match_rotational" ]] || return 1
  [[ -z $match_model || ${model[$1]} == "$match_model" ]] || return 1
  [[ -z $match_bus || $(bus_of "$1") == "$match_bus" ]] || return 1
  ! is_medium "$1"
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
      0) no config-invalid "no disk has the $what; here are: $(list "${all_disks[@]}")" ;;
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
  [[ ${#chosen[@]} -eq $wanted_count ]] ||
    no config-invalid "${#chosen[@]} disks match where the spec says $wanted_count: $(list "${chosen[@]}"); here are: $(list "${all_disks[@]}")"
}

# judge INDEX: may the chosen disk be overwritten? Says every reason why not.
judge() {
  local disk=${chosen[$1]} other used data
  for ((other = 0; other < $1; other++)); do
    [[ ${chosen[other]} != "$disk" ]] || no config-invalid "the spec names one disk twice: $(describe "$disk")"
  done
  if is_medium "$disk"; then
    no refused-foreign-data "$(describe "$disk") is the install medium"
    return
  fi
  if line "$sysfs/block/$disk/ro" && [[ $REPLY != 0 ]]; then
    no config-invalid "$(describe "$disk") is read-only"
  fi
  if [[ $(mib_of "$disk") -lt $minimum_mib ]]; then
    no config-invalid "$(describe "$disk") is too small: the layout needs $minimum_mib MiB"
    return
  fi
  used=$(use_of "$disk")
  [[ -z $used ]] || no refused-foreign-data "$(describe "$disk") is in use: ${used%, }"
  [[ ${may_wipe[$1]} != yes ]] || return
  data=$(data_on "$disk")
  [[ -z $data ]] || no refused-foreign-data "$(describe "$disk") is not empty: ${data%, }; only a disk the spec names by its identity with 'wipe: true' is overwritten"
}

# decide: looks at the machine, chooses and judges.
decide() {
  local index
  chosen=()
  may_wipe=()
  look
  if [[ ${#wanted_by[@]} -gt 0 ]]; then choose_identified; else choose_matching; fi
  for index in "${!chosen[@]}"; do
    judge "$index"
  done
}

# stable_name DISK: a name that cannot pass to another disk before the installer uses this one.
stable_name() {
  local link
  for link in "$dev"/disk/by-id/* "$dev"/disk/by-path/*; do
    # Words of a kickstart line, and no pattern in Anaconda's eyes.
    [[ ${link##*/} =~ ^[A-Za-z0-9_.:+=@-]+$ && $(disk_of_link "$link") == "$1" ]] || continue
    printf '%s' "/dev${link#"$dev"}"
    return
  done
  printf '%s' "/dev/${1//!//}"
}

