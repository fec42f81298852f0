#!/usr/bin/env bash
# run.sh CORE OUT.elf FILES AND FLAGS…: cross-compiles a C program for a core, prints its sections, and runs it under QEMU:
#   text 21316 data 0 bss 2348
#   (what the program prints)
#   stack 312
# The exit status is that of its main. CORE: m0 m3 m4 m7 m33 m55 fe310; m0 is code for the Cortex-M0+ on the M3's board.
# OPT: the optimization flags, -O3 if not given. LIMIT: seconds after which it is ended, 120 if not given.
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
if (($# < 3)); then
  sed -n '2,8s/^# //p' "$0" >&2
  exit 2
fi
core=$1 elf=$2
shift 2

prefix=arm-none-eabi start=start_cortex_m.c script=cortex-m.ld qemu=qemu-system-arm tick=4000
libraries=(--specs=nano.specs --specs=nosys.specs -lm)
case $core in
  m0) flags=(-mcpu=cortex-m0plus) board=mps2-an385 ;;
  m3) flags=(-mcpu=cortex-m3) board=mps2-an385 ;;
  m4) flags=(-mcpu=cortex-m4 -mfloat-abi=hard -mfpu=fpv4-sp-d16) board=mps2-an386 ;;
  m7) flags=(-mcpu=cortex-m7 -mfloat-abi=hard -mfpu=fpv5-d16) board=mps2-an500 ;;
  m33) flags=(-mcpu=cortex-m33 -mfloat-abi=hard -mfpu=fpv5-sp-d16) board=mps2-an505 script=cortex-m33.ld tick=5000 ;;
  m55) flags=(-mcpu=cortex-m55 -mfloat-abi=hard) board=mps3-an547 script=cortex-m55.ld tick=3125 ;;
  fe310)
    prefix=riscv64-unknown-elf start=start_rv32.c script=fe310.ld qemu=qemu-system-riscv32 board=sifive_e
    flags=(-march=rv32imac -misa-spec=2.2 -mabi=ilp32 -ffreestanding -nostdlib -isystem "$here/freestanding")
    libraries=(-lgcc)
    ;;
  *)
    echo "run.sh: unknown core '$core'; one of m0 m3 m4 m7 m33 m55 fe310" >&2
    exit 2
    ;;
esac
[[ $core == fe310 ]] || flags+=(-mthumb)
machine=(-M "$board")
[[ $core == fe310 ]] && machine+=(-bios none)

# shellcheck disable=SC2086  # OPT is several flags
"$prefix-gcc" -std=gnu99 ${OPT:--O3} "${flags[@]}" -DINSTRUCTIONS_PER_TICK_X100=$tick -ffunction-sections \
  -fdata-sections -Wl,--gc-sections -nostartfiles -I"$here" -T "$here/$script" "$here/$start" "$@" -o "$elf" \
  "${libraries[@]}"
"$prefix-size" "$elf" | awk 'NR == 2 { print "text", $1, "data", $2, "bss", $3 }'
exec timeout "${LIMIT:-120}" "$qemu" "${machine[@]}" -nographic -semihosting -icount shift=0 -kernel "$elf" </dev/null 2>&1
